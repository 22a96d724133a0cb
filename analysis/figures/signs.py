"""The signs of the effective weights before and after training."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis.cells import varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    methods_of,
    seeds,
    sentences,
    sheet,
    split,
)
from analysis.estimates.intervals import grouped
from analysis.tables import Results

ORDER = 52
TITLE = "Signs of the effective weights before and after training"
#: Purple and orange are distinct with any of the common colour blindnesses, and in grey.
_COLOURS = {"negative": "#5E3C99", "zero": "#E8E8E8", "positive": "#FDB863"}
_INK = {"negative": "white", "zero": "#222222", "positive": "#222222"}
_MOMENTS = {"before": -0.2, "after": 0.2}
#: Parts narrower than this, in percent, have no number.
_NARROW = 9


def draw(results: Results) -> Drawing:
    """Draw the fractions of negative, zero and positive effective weights in percent, as bars."""
    table = shares(results)
    if table.empty:
        raise NothingToDraw("No trial is finished.")
    shown = list(methods_of(results, table))
    height, across = 0.8 + 0.5 * len(shown), "connections (%)"
    figure, panels, left_out = sheet(split(results, table), height, across, "")
    for axes, panel in panels:
        _draw(axes, panel.rows, shown)
    note = sentences(
        "Upper bar: before training; lower bar: after the last epoch.",
        seeds(table["n"], "black line across an edge"),
        diverged_or_dead(results.trials),
        left_out,
    )
    signs = [Patch(facecolor=colour, label=sign) for sign, colour in _COLOURS.items()]
    finish(figure, TITLE, {}, note, signs)
    caption = (
        "Fractions of all connections whose effective weight is negative, zero (pruned) or "
        "positive, by method. Pruning sets weights to zero. Flipping moves the boundary between "
        "negative and positive only if it flips more of one sign than of the other."
    )
    return Drawing(figure, TITLE, caption, note)


def shares(results: Results) -> pd.DataFrame:
    """Return the fractions of the signs among all connections, estimated over seeds.

    Returns:
        A row per cell, `moment` (before, after) and `sign` (negative, zero, positive), with the
        columns of `grouped`.
    """
    by = varying(results)
    keys = ", ".join(["attempt", *by])
    sums = ", ".join(f"sum(effective_{s}) / sum(connections) AS {s}" for s in _COLOURS)
    moments = (results.layers.filter("epoch = 0"), results.final_layers)
    estimates = []
    for moment, rows in zip(_MOMENTS, moments, strict=True):
        trials = rows.aggregate(f"{keys}, {sums}", keys)
        estimates += [grouped(trials, by, s).assign(moment=moment, sign=s) for s in _COLOURS]
    return pd.concat(estimates, ignore_index=True)


def _draw(axes: Axes, rows: pd.DataFrame, shown: list[str]) -> None:
    """Draw two bars per method, one above the other."""
    for place, method in enumerate(shown):
        for moment, aside in _MOMENTS.items():
            bar = rows[(rows["method"] == method) & (rows["moment"] == moment)]
            _draw_bar(axes, bar, place + aside)
    at = [place + aside for place in range(len(shown)) for aside in _MOMENTS.values()]
    axes.set_yticks(at, _labels(shown))
    axes.set(xlim=(0, 100), ylim=(len(shown) - 0.5, -0.5))
    axes.grid(visible=False)


def _labels(shown: list[str]) -> list[str]:
    before, after = _MOMENTS
    return [label for method in shown for label in (f"{method}  {before}", after)]


def _draw_bar(axes: Axes, bar: pd.DataFrame, at: float) -> None:
    """Draw one stacked bar with its numbers, and the intervals of its edges.

    Args:
        axes: the panel's axes.
        bar: a row per sign, in their order, or no row.
        at: the middle of the bar on the vertical axis.
    """
    start = 0.0
    for sign, share, low, high in zip(
        bar["sign"], bar["mean"] * 100, bar["low"] * 100, bar["high"] * 100, strict=True
    ):
        axes.barh(at, share, 0.36, left=start, color=_COLOURS[sign], lw=0)
        if share > _NARROW:
            place: dict[str, Any] = {"color": _INK[sign], "size": 8, "ha": "center", "va": "center"}
            axes.text(start + share / 2, at, f"{share:.0f}", **place)
        start += share
        # Zeros lie between the others, so their edges are those of the negative and the positive.
        ends = {"negative": [low, high], "positive": [100 - high, 100 - low]}.get(sign)
        if ends:
            axes.plot(ends, [at, at], color="black", lw=1.4, solid_capstyle="butt")
