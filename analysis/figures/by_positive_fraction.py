"""Accuracy and changed fraction against the fraction of positive weights."""

from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, panel_fields, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    completed,
    diverged_or_dead,
    finish,
    limits,
    methods_of,
    panels,
    seeds,
    sentences,
)
from analysis.drawing.points import view
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.drawing.style import Look
from analysis.estimates.intervals import grouped
from analysis.tables import Results

ORDER = 6
TITLE = "Accuracy and changed connections by the fraction of positive weights"
_FIELD = "positive_fraction"


def draw(results: Results) -> Drawing:
    """Draw final means in percent against the positive fraction, side by side."""
    trials = results.trials.dropna(subset="test_accuracy")
    others = [name for name in panel_fields(results) if name != _FIELD]
    to_draw = [p for p in panels(results, trials, others) if p.rows[_FIELD].nunique() > 1]
    if not to_draw:
        raise NothingToDraw("No method is trained with several positive fractions.")
    swept = pd.concat([panel.rows for panel in to_draw])
    shown = methods_of(results, swept)
    figure, placed, left_out = side_by_side(
        to_draw,
        3.1,
        Side("test accuracy", "positive fraction", "test accuracy (%)"),
        Side("connections pruned or flipped", "positive fraction", "changed connections (%)"),
        same_across=True,
    )
    by = varying(results)
    low, high = view(swept, by, "test_accuracy")
    changing = {name: look for name, look in shown.items() if name != BASELINE}
    most = grouped(completed(swept), by, "changed")[["mean", "high"]].max() * 100
    high_changed = limits(0, min(most.max(), 1.5 * most["mean"], 100.0))[1]
    counts: list[int] = []
    below = 0
    for left, right, panel in placed:
        means = grouped(panel.rows, [_FIELD, "method"], "test_accuracy")
        _draw(left, means, shown)
        left.set_ylim(low, high)
        counts += means["n"].tolist()
        below += int((means["mean"] * 100 < low).sum())
        _draw(right, grouped(panel.rows, [_FIELD, "method"], "changed"), changing)
        right.set_ylim(-0.02 * high_changed, high_changed)
    note = sentences(
        seeds(counts, "bar"),
        f"{below} of {len(counts)} means lie below the axis of accuracy." if below else "",
        f"{BASELINE} changes no connection." if BASELINE in shown else "",
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, TITLE, shown, note)
    caption = (
        "Left: test accuracy after the last epoch against the probability that a weight is "
        "positive; at 0.5 the signs are symmetric. Right: fraction of connections that are pruned "
        "or flipped. Marks are shifted slightly sideways so that no bar hides another."
    )
    return Drawing(figure, TITLE, caption, note)


def _draw(axes: Axes, means: pd.DataFrame, shown: dict[str, Look]) -> None:
    """Draw a line with bars per method."""
    fractions = sorted(means[_FIELD].unique())
    step = min(b - a for a, b in pairwise(fractions)) / 14
    for number, (method, look) in enumerate(shown.items()):
        line = means[means["method"] == method].sort_values(_FIELD)
        axes.errorbar(
            line[_FIELD] + step * (number - (len(shown) - 1) / 2),
            line["mean"] * 100,
            yerr=((line["high"] - line["mean"]) * 100).fillna(0),
            color=look.colour,
            linestyle=look.line,
            marker=look.marker,
            ms=5.5,
            lw=1.5,
            elinewidth=1.1,
            capsize=2,
        )
