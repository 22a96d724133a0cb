"""Final accuracy minus that of dense training, paired by seed, with the margin."""

from collections.abc import Sequence

import pandas as pd

from analysis.cells import BASELINE, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    finish,
    methods_of,
    seeds,
    sentences,
    sheet,
    split,
)
from analysis.drawing.points import Outside, draw_points, unseen, view
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import differences
from analysis.tables import Results

ORDER = 15
TITLE = "Difference to dense training"


def draw(results: Results) -> Drawing:
    """Draw the paired differences in points, a row per method, with the study's margin."""
    pairs = differences(results.trials).dropna(subset="difference")
    if pairs.empty:
        raise NothingToDraw(f"No trial has a {BASELINE} partner with the same seed and weights.")
    shown = methods_of(results, pairs)
    height, across = 0.8 + 0.38 * len(shown), f"test accuracy minus {BASELINE} (points)"
    figure, panels, left_out = sheet(split(results, pairs), height, across, "")
    counts: list[int] = []
    outside: list[Outside] = []
    margin = results.margin
    for axes, panel in panels:
        means = grouped(panel.rows, varying(results), "difference")
        counts += means["n"].tolist()
        axes.set_xlim(_view(pairs, varying(results), margin))
        outside.append(draw_points(axes, panel.rows, means, "difference", shown))
        axes.axvline(0, color="#333333", lw=0.9, zorder=0.5)
        if margin is not None:
            axes.axvspan(-margin, margin, color="#777777", alpha=0.13, lw=0, zorder=0.4)
    margin_text = "" if margin is None else f"Grey: the study's margin, ±{margin:g} points."
    note = sentences(
        "Small points: one pair of trials with the same seed each.",
        seeds(counts, "bar"),
        margin_text,
        unseen(outside),
        left_out,
    )
    finish(figure, TITLE, {}, note)
    caption = (
        "Final test accuracy minus that of dense training with the same seed, recipe and weights. "
        "Right of zero the method is better than dense, left of zero worse."
    )
    return Drawing(figure, TITLE, caption, note)


def _view(pairs: pd.DataFrame, by: Sequence[str], margin: float | None) -> tuple[float, float]:
    """Return limits in points that hold zero, the margin and the differences."""
    low, high = view(pairs, by, "difference", bounded=False)
    reach = 1.2 * (margin or 0)
    return min(low, -reach), max(high, reach)
