"""Kinds of trials: trials of a method that differ in their task or in what is trained.

A question on kinds compares the accuracies of a method's kinds of trials, as a figure and in
sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from analysis.cells import BASELINE, methods_in, panel_fields, sort
from analysis.drawing import NothingToDraw
from analysis.drawing.categories import Measure, side
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import panels, styles_of
from analysis.drawing.rows import RowPanel, Rows
from analysis.drawing.sides import seeds_of
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import contrast, pair
from analysis.questions._finding import (
    Finding,
    difference,
    headings,
    level,
    percent,
    seed_count,
    table_rows,
)
from analysis.tables import Results
from studies.trial import SETTABLE

#: The method that trains neither weights nor connections.
FROZEN = "frozen"
_ACCURACY = Measure("value", "", "test accuracy (%)")


@dataclass(frozen=True, eq=False)
class Kinds:
    """Trials by kind.

    Attributes:
        rows: a row per trial: the columns of `trials`; kind; value, an accuracy, a fraction;
            difference, that minus the value of the reference that is the same in all else.
        kinds: the kinds that occur, in the order of display.
        by: the fields that vary within a method, apart from those that make the kinds.
        reference: the kind that the others are compared with.
    """

    rows: pd.DataFrame
    kinds: tuple[str, ...]
    by: list[str]
    reference: str


def kinds_of(
    results: Results,
    kind: pd.Series,
    value: pd.Series,
    apart: Sequence[str],
    order: tuple[str, ...],
    needs: tuple[str, ...],
) -> Kinds:
    """Return the trials by kind; no rows if the kinds that make the question are missing.

    Args:
        results: the study.
        kind: the kind of each trial that counts, indexed like the trials.
        value: the value of each such trial.
        apart: the fields in which the kinds differ.
        order: beginnings of the kinds' names in the order of display, the reference first.
        needs: beginnings of kinds' names; at least one such kind must occur.
    """
    rows = results.trials.loc[kind.index].assign(kind=kind, value=value)
    if not kind.str.startswith(needs).any():
        rows = rows.iloc[:0]
    rows = rows.assign(partner=rows["method"].where(rows["method"] != FROZEN, BASELINE))
    same = [name for name in SETTABLE if name not in (*apart, "method")]
    reference = rows[rows["kind"] == order[0]].assign(partner=lambda frame: frame["method"])
    rows = pair(rows, reference, [*same, "partner"], "value", unpaired=True)
    rows = rows.drop(columns=["partner", "value_of_partner"])
    by = panel_fields(results, without=apart)
    return Kinds(rows, _sorted(set(rows["kind"]), order), by, order[0])


def _sorted(present: set[str], order: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds in order, each at the place of the longest beginning of its name."""
    place = {name: max((n for n in order if name.startswith(n)), key=len) for name in present}
    return tuple(sorted(present, key=lambda name: (order.index(place[name]), name)))


def known_rows(question: Kinds, missing: str) -> pd.DataFrame:
    """Return the rows that have a value.

    Args:
        question: the trials by kind.
        missing: the sentence for a study without such trials.

    Raises:
        NothingToDraw: there is no such row.
    """
    rows = question.rows.dropna(subset="value")
    if rows.empty:
        raise NothingToDraw(missing)
    return rows


def rows_of_kinds(results: Results, question: Kinds, missing: str) -> Rows:
    """Return the test accuracy of each kind of trials: a point per seed, the mean, its interval.

    Args:
        results: the study.
        question: the trials by kind. Panels with a single kind are left out if others have several.
        missing: the sentence for a study without such trials.

    Raises:
        NothingToDraw: no trial has a value.
    """
    rows = known_rows(question, missing)
    every = panels(results, rows, question.by)
    compared = [panel for panel in every if panel.rows["kind"].nunique() > 1] or every
    styles = styles_of(results, pd.concat([panel.rows for panel in compared]))
    names = {kind: kind for kind in question.kinds}
    drawn = tuple(
        RowPanel(
            panel.title,
            (side(panel.rows, "kind", names, list(styles), _ACCURACY, chance=True),),
        )
        for panel in compared
    )
    note = sentences(
        "Small points: one seed each.",
        seeds_of(drawn),
        diverged_or_dead(results.trials),
    )
    return Rows(drawn, styles, note, in_legend=True)


def finding_of_kinds(
    results: Results,
    question: Kinds,
    *,
    value: str,
    note: str,
    contrasts: Sequence[tuple[str, str]] = (),
    against_dense: Sequence[str] = (),
) -> Finding | None:
    """Return a table of all kinds and a sentence per method and kind; None without trials.

    Args:
        results: the study.
        question: its trials by kind.
        value: what is measured, in words.
        note: how to read the table.
        contrasts: pairs of the beginning of a kind's name and the other kind, beside the
            reference, that such kinds are compared with.
        against_dense: the beginnings of the kinds in which methods are compared with dense.
    """
    rows = sort(results, question.rows.dropna(subset="value"), [*question.by, "method"])
    if rows.empty:
        return None
    keys = [*question.by, "method", "kind"]
    values, changes = (grouped(rows, keys, column) for column in ("value", "difference"))
    texts = [
        f"{method}, {kind}: {level(cells)} {value}"
        + "".join(_against(question, rows, method, kind, contrasts, against_dense))
        + "."
        for method in methods_in(results, rows)
        for kind in question.kinds
        if len(cells := values[(values["method"] == method) & (values["kind"] == kind)])
    ]
    table = table_rows(
        question.by,
        ("method", "kind"),
        (values, partial(percent, digits=2)),
        (changes, partial(percent, digits=2, sign=True)),
        (values, seed_count),
    )
    columns = ("method", "trained", f"{value}, %", f"minus {question.reference}, points", "seeds")
    return Finding(tuple(texts), (*headings(question.by), *columns), table, note)


def _against(
    question: Kinds,
    rows: pd.DataFrame,
    method: str,
    kind: str,
    contrasts: Sequence[tuple[str, str]],
    against_dense: Sequence[str],
) -> list[str]:
    """Return the comparisons of a kind with the reference, other kinds and dense, as phrases."""
    by = question.by
    trials = rows[rows["method"] == method]
    changes = []
    if kind != question.reference:
        table = grouped(trials[trials["kind"] == kind], by, "difference")
        changes.append((f"“{question.reference}”", table))
    for beginning, other in contrasts:
        if kind.startswith(beginning):
            pairs = contrast(trials, [*by, "seed"], "kind", kind, other, "value")
            changes.append((f"“{other}”", grouped(pairs, by, "difference")))
    if kind.startswith(tuple(against_dense)) and method != BASELINE:
        both = rows[rows["kind"] == kind]
        pairs = contrast(both, [*by, "seed"], "method", method, BASELINE, "value")
        changes.append((f"{BASELINE}, {kind}", grouped(pairs, by, "difference")))
    return [f", {difference(t)} compared with {words}" for words, t in changes if len(t)]
