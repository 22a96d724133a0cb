"""Accuracy and changed fraction against network width or training length."""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import BASELINE, panel_fields, spread, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    completed,
    diverged_or_dead,
    finish,
    limits,
    methods_of,
    panels,
    seeds,
    sentences,
)
from analysis.drawing.lines import draw_lines, log_ticks
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.estimates.intervals import grouped
from analysis.numbers import many
from analysis.tables import Results

ORDER = 65
TITLE = "Effect of width or training length"
_ACROSS = {
    "width": "width (factor on hidden layers, log scale)",
    "epochs": "training length (epochs, log scale)",
}


def draw(results: Results) -> Drawing:
    """Draw final test accuracy and changed fraction in percent against width, or else epochs."""
    trials = results.trials[
        results.trials["test_accuracy"].notna() & (results.trials["epochs"] > 0)
    ]
    axis, to_draw = _panels(results, trials)
    shown = methods_of(results, pd.concat(panel.rows for panel in to_draw))
    figure, placed, left_out = side_by_side(
        to_draw,
        3.1,
        Side("test accuracy", _ACROSS[axis], "test accuracy (%)"),
        Side("connections pruned or flipped", _ACROSS[axis], "changed connections (%)"),
        same_across=True,
    )
    by = varying(results)
    counts: list[int] = []
    below, beyond, top = 0, 0, 0.0
    low, high = _view(pd.concat(panel.rows for panel in to_draw), by)
    for accuracy, changed, panel in placed:
        means = grouped(panel.rows, by, "test_accuracy")
        share = grouped(panel.rows[panel.rows["method"] != BASELINE], by, "changed")
        draw_lines(accuracy, means, axis, shown)
        draw_lines(changed, share, axis, shown)
        counts += means["n"].tolist()
        below += int((means["mean"] * 100 < low).sum())
        beyond += int((means["low"] * 100 < low).sum() + (means["high"] * 100 > high).sum())
        top = max(top, 0.0, *(share[["mean", "high"]].max() * 100).dropna())
        accuracy.set_ylim(low, min(high, 100.3))
    placed[0][1].set_ylim(0, min(limits(0, top)[1], 101.0))  # all panels of a side share it
    for axes in figure.axes:
        log_ticks(axes, sorted(set(trials[axis])))
    note = sentences(
        seeds(counts, "band"),
        f"{many(below, 'mean')} below the axis of accuracy." if below else "",
        f"{many(beyond, 'end')} of bands outside the axis of accuracy." if beyond else "",
        f"{BASELINE} changes no connection." if BASELINE in shown else "",
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Left: test accuracy after the last epoch. Right: fraction of all connections that are "
        "pruned or flipped. Both are drawn against the factor on the width of the hidden layers, "
        "or against the length of training if the study varies only that. The axis of accuracy "
        "does not start at zero."
    )
    return Drawing(figure, TITLE, caption, note)


def _panels(results: Results, trials: pd.DataFrame) -> tuple[str, list[Panel]]:
    """Return the field of the horizontal axis, and a panel per combination of the other fields.

    Raises:
        NothingToDraw: no method is trained at several widths or lengths with all else the same.
    """
    for axis in _ACROSS:
        several = trials.groupby("method")[axis].transform("nunique") > 1
        rows = trials[several]
        counts = rows.groupby("method")[panel_fields(results)].nunique()
        others = [n for n in panel_fields(results) if n != axis and (counts[n] > 1).any()]
        every = panels(results, spread(results, rows, others), others) if len(rows) else []
        with_lines = [panel for panel in every if _has_line(panel.rows, axis)]
        if with_lines:
            return axis, with_lines
    raise NothingToDraw("No method is trained at several widths or for several numbers of epochs.")


def _has_line(rows: pd.DataFrame, axis: str) -> bool:
    """Return whether a method has several values; dense counts only if there is no other method."""
    others = rows[rows["method"] != BASELINE]
    counts = (rows if others.empty else others).groupby("method")[axis].nunique()
    return bool((counts > 1).any())


def _view(rows: pd.DataFrame, by: Sequence[str]) -> tuple[float, float]:
    """Return limits in percent for the means of completed trials, with room for most bands."""
    means = grouped(completed(rows), by, "test_accuracy")
    lowest, best = means["mean"].min() * 100, means["mean"].max() * 100
    room = max(best - lowest, 2.0) / 2
    ends = means[["mean", "low", "high"]] * 100
    low, high = max(ends.min().min(), lowest - room), min(ends.max().max(), best + room, 100.0)
    return limits(float(low), float(high))
