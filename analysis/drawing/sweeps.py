"""Accuracy and changed fraction beside each other, as lines over a field that a study sweeps."""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import BASELINE
from analysis.drawing.limits import PERCENT, completed, view
from analysis.drawing.lines import LinePanel, Lines, LineSide, lines_over, ticks
from analysis.drawing.marks import Mark, from_table
from analysis.drawing.notes import diverged_or_dead, seeds, sentences
from analysis.drawing.panels import Panel, styles_of
from analysis.estimates.intervals import grouped
from analysis.tables import Results

#: Labels of axes of fields that studies vary.
AXES = {
    "width": "width (factor on hidden layers)",
    "epochs": "training length (epochs)",
    "score_offset": "fraction of scores that start at or below 0",
}
_ACCURACY, _CHANGED = "test_accuracy", "changed"


def accuracy_and_changed(
    results: Results,
    swept: Sequence[Panel],
    field: str,
    across: str,
    *,
    to_scale: bool = False,
) -> Lines:
    """Return final test accuracies and changed fractions in percent over a field.

    The changed fraction is left out if all methods are dense.

    Args:
        results: the study.
        swept: the trials by panel; at least one panel.
        field: the field of the horizontal axis.
        across: label of the horizontal axis.
        to_scale: whether the distances of the field's values are their differences.
    """
    rows = pd.concat([panel.rows for panel in swept])
    styles = styles_of(results, rows)
    changing = [name for name in styles if name != BASELINE]
    values = ticks(rows[field])
    limits = view(_marks(swept, field, _ACCURACY), within=PERCENT)
    others = _marks(swept, field, _CHANGED, changing)
    limits_changed = view(others, include=(0.0,), within=(-1.0, 101.0)) if others else None
    drawn = []
    for panel in swept:
        sides = [_side(panel, field, _ACCURACY, list(styles), "test accuracy", limits)]
        if limits_changed:
            title = "connections pruned or flipped"
            sides.append(_side(panel, field, _CHANGED, changing, title, limits_changed))
        drawn.append(LinePanel(panel.title, tuple(sides), across, values, to_scale=to_scale))
    note = sentences(
        seeds((mark.n for panel in drawn for mark in panel.sides[0].marks), "bar"),
        f"{BASELINE} changes no connection." if BASELINE in styles and others else "",
        diverged_or_dead(results.trials),
    )
    return Lines(tuple(drawn), styles, note)


def _side(
    panel: Panel,
    field: str,
    value: str,
    methods: Sequence[str],
    title: str,
    limits: tuple[float, float],
) -> LineSide:
    means = grouped(panel.rows, [field, "method"], value)
    up = "test accuracy (%)" if value == _ACCURACY else "changed connections (%)"
    return LineSide(title, up, limits, lines_over(means, field, methods))


def _marks(
    swept: Sequence[Panel], field: str, value: str, methods: Sequence[str] | None = None
) -> list[Mark]:
    """Return the means of completed trials, by which the limits are set."""
    marks = []
    for panel in swept:
        rows = completed(panel.rows)
        rows = rows if methods is None else rows[rows["method"].isin(methods)]
        marks += from_table(grouped(rows, [field, "method"], value))
    return marks
