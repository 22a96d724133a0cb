"""The finding of a question that compares kinds of trials."""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import BASELINE, ordered, sort
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import contrast
from analysis.estimates.question_groups import Kinds
from analysis.report.findings.finding import (
    Finding,
    difference,
    headings,
    level,
    name,
    of_method,
    percent,
    seeds,
)
from analysis.tables import Results


def finding(
    results: Results,
    question: Kinds,
    *,
    figure: str,
    title: str,
    value: str,
    note: str,
    contrasts: Sequence[tuple[str, str]] = (),
    against_dense: Sequence[str] = (),
) -> Finding | None:
    """Return a table of all kinds and a sentence per method and kind; None without trials.

    Args:
        results: the study.
        question: its trials by kind.
        figure: the figure that shows them.
        title: the question in words.
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
    methods = [str(m) for m in ordered(results, "method") if m in set(rows["method"])]
    sentences = [
        f"{method}, {kind}: {level(cells)} {value}"
        + "".join(_against(question, rows, method, kind, contrasts, against_dense))
        + "."
        for method in methods
        for kind in question.kinds
        if len(cells := of_method(values, method, kind=kind))
    ]
    table = [
        (
            *(name(field, row[field]) for field in question.by),
            (row["method"], None),
            (row["kind"], None),
            percent(row, 2),
            percent(change, 2, sign=True),
            seeds(row),
        )
        for (_, row), (_, change) in zip(values.iterrows(), changes.iterrows(), strict=True)
    ]
    columns = ("method", "trained", f"{value}, %", f"minus {question.reference}, points", "seeds")
    return Finding(
        figure, title, tuple(sentences), (*headings(question.by), *columns), tuple(table), note
    )


def _against(
    question: Kinds,
    rows: pd.DataFrame,
    method: str,
    kind: str,
    contrasts: Sequence[tuple[str, str]],
    against_dense: Sequence[str],
) -> list[str]:
    """Return the comparisons of a kind with the reference, other kinds and dense, as phrases."""
    by = [*question.by, "all"]
    trials = of_method(rows, method).assign(all=0)
    changes = []
    if kind != question.reference:
        table = grouped(trials[trials["kind"] == kind], by, "difference")
        changes.append((f"“{question.reference}”", table))
    for beginning, other in contrasts:
        if kind.startswith(beginning):
            pairs = contrast(trials, [*by, "seed"], "kind", kind, other, "value")
            changes.append((f"“{other}”", grouped(pairs, by, "difference")))
    if kind.startswith(tuple(against_dense)) and method != BASELINE:
        both = rows[rows["kind"] == kind].assign(all=0)
        pairs = contrast(both, [*by, "seed"], "method", method, BASELINE, "value")
        changes.append((f"{BASELINE}, {kind}", grouped(pairs, by, "difference")))
    return [f", {difference(t)} compared with {words}" for words, t in changes if len(t)]
