"""Categories below each other with the methods in each: one or two measures beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.cells import BASELINE, METHOD_ONLY, heading, ordered, panel_fields, shown, spread
from analysis.drawing import NothingToDraw
from analysis.drawing.limits import PERCENT, Limits, completed, view
from analysis.drawing.marks import Mark, marks_of
from analysis.drawing.notes import diverged_or_dead, seeds, sentences
from analysis.drawing.panels import Panel, panels, styles_of
from analysis.drawing.rows import RowPanel, Rows, RowSide, Slot
from analysis.tables import Results


@dataclass(frozen=True)
class Measure:
    """A measure of trials.

    Attributes:
        value: a column of fractions.
        title: its title, where it stands beside another.
        axis: label of its axis, in percent or points.
        include: values that its axis holds.
        within: ends that its axis never passes.
        of_dense: whether dense training has it.
        guides: vertical lines, as of a `Side`.
    """

    value: str
    title: str
    axis: str
    include: tuple[float, ...] = ()
    within: Limits = PERCENT
    of_dense: bool = True
    guides: tuple[tuple[float, str], ...] = ()


ACCURACY = Measure("test_accuracy", "test accuracy", "test accuracy (%)")
CHANGED = Measure(
    "changed",
    "connections pruned or flipped",
    "changed connections (%)",
    include=(0.0,),
    within=(0.0, 101.0),
    of_dense=False,
)
DIFFERENCE = Measure(
    "difference",
    "difference to dense, same weights",
    "test accuracy minus dense (points)",
    include=(0.0,),
    within=(-101.0, 101.0),
    of_dense=False,
    guides=((0.0, "zero"),),
)


def compare(results: Results, field: str, trials: pd.DataFrame, second: Measure = CHANGED) -> Rows:
    """Return two final measures by a field's values: a point per seed, the mean, its interval.

    If dense training does not read the field, it is a dashed line across all values. A measure
    that no trial has is left out.

    Args:
        results: the study.
        field: a field of trials; its values are the categories.
        trials: the trials to show, with the measures.
        second: the measure beside the accuracy.

    Raises:
        NothingToDraw: no panel has two values of the field.
    """
    trials = trials.dropna(subset=ACCURACY.value)
    compared = _panels(results, field, trials)
    if not compared:
        raise NothingToDraw(f"No two values of {heading(field)} are compared.")
    rows = pd.concat([panel.rows for panel in compared])
    styles = styles_of(results, rows)
    is_idle = field in METHOD_ONLY and BASELINE in styles
    if is_idle:
        styles.pop(BASELINE)
    values = [value for value in ordered(results, field) if value in set(rows[field])]
    named = {value: shown(field, value) for value in values}
    measures = [m for m in (ACCURACY, second) if _has(rows, m)]
    drawn = []
    for panel in compared:
        dense = panel.rows.loc[panel.rows["method"] == BASELINE, ACCURACY.value].mean() * 100
        of_methods = panel.rows[panel.rows["method"].isin(styles)]
        sides = [side(of_methods, field, named, list(styles), measure) for measure in measures]
        if is_idle:
            sides[0] = with_dense(sides[0], float(dense))
        drawn.append(RowPanel(panel.title, tuple(sides)))
    note = sentences(
        "Small points: one seed each.",
        seeds((m.n for panel in drawn for m in panel.sides[0].marks), "bar"),
        f"Dashed: mean of {BASELINE}, which has no {heading(field)}." if is_idle else "",
        diverged_or_dead(results.trials),
    )
    return Rows(tuple(drawn), styles, note, in_legend=True)


def side(
    rows: pd.DataFrame,
    field: str,
    names: Mapping[Any, str],
    methods: Sequence[str],
    measure: Measure,
    view_of: Limits | None = None,
    *,
    chance: bool = False,
) -> RowSide:
    """Return a measure of the trials of one panel by category.

    Args:
        rows: a row per trial with the field, the method, the outcome and the measure.
        field: the column whose values are the categories.
        names: the categories' values with their names, from top to bottom; those without a trial
            are left out.
        methods: from top to bottom within a category.
        measure: the measure.
        view_of: limits of the axis; by default those that show most of the completed trials.
        chance: whether a line shows the accuracy of guessing, if it is known and in view.
    """
    rows = rows if measure.of_dense else rows[rows["method"] != BASELINE]
    slots = _slots(rows, field, names, methods, measure)
    if view_of is None:
        sound = _slots(completed(rows), field, names, methods, measure)
        marks = [mark for slot in sound for mark in slot.marks]
        view_of = view(marks, include=measure.include, within=measure.within)
    guides = (*measure.guides, *(_chance(rows, view_of) if chance else ()))
    return RowSide(measure.title, measure.axis, view_of, slots, guides=guides)


def _chance(rows: pd.DataFrame, limits: Limits) -> list[tuple[float, str]]:
    """Return the accuracies of guessing in percent, which depend on the number of classes."""
    levels = [100 / float(count) for count in rows["classes"].dropna().unique()]
    return [(level, "chance") for level in levels if limits[0] <= level <= limits[1]]


def _slots(
    rows: pd.DataFrame,
    field: str,
    names: Mapping[Any, str],
    methods: Sequence[str],
    measure: Measure,
) -> tuple[Slot, ...]:
    slots = (
        Slot(name, _marks(rows[rows[field] == at], methods, measure)) for at, name in names.items()
    )
    return tuple(slot for slot in slots if slot.marks)


def _marks(rows: pd.DataFrame, methods: Sequence[str], measure: Measure) -> tuple[Mark, ...]:
    marks = {mark.method: mark for mark in marks_of(rows, measure.value)}
    return tuple(marks[name] for name in methods if name in marks)


def _has(rows: pd.DataFrame, measure: Measure) -> bool:
    others = rows if measure.of_dense else rows[rows["method"] != BASELINE]
    return bool(others[measure.value].notna().any())


def with_dense(one: RowSide, dense: float) -> RowSide:
    """Return the side with a line at the mean of dense, in percent, which its view includes."""
    low, high = one.view
    wider = min(low, dense - 0.2), max(high, dense + 0.2)
    return replace(one, guides=(*one.guides, (dense, "dense")), view=wider)


def _panels(results: Results, field: str, trials: pd.DataFrame) -> list[Panel]:
    """Return a panel for each combination of the other fields that has several of its values."""
    if field not in panel_fields(results):
        return []
    others = panel_fields(results, without=[field])
    combinations = panels(results, spread(results, trials, others), others)
    return [panel for panel in combinations if panel.rows[field].nunique() > 1]
