"""The signs of the effective weights before and after training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from analysis.cells import varying
from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.arms import arm_panels, chosen_arms, one_arm_each
from analysis.drawing.layout import finish, left_out, panel_grid
from analysis.drawing.notes import diverged_or_dead, seeds, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.style import ON_DARK, ON_LIGHT, SIGNS
from analysis.estimates.intervals import grouped
from analysis.tables import Results

ORDER = 52
QUESTION = "connections"
TITLE = "Signs of the effective weights before and after training"
CAPTION = (
    "Fractions of all connections whose effective weight is negative, zero (pruned) or positive, "
    "by method. Pruning sets weights to zero. Flipping moves the boundary between negative and "
    "positive only if it flips more of one sign than of the other."
)
_MOMENTS = {"before": -0.2, "after": 0.2}
_INKS = {"negative": ON_DARK, "zero": ON_LIGHT, "positive": ON_LIGHT}
#: Parts narrower than this, in percent, have no number.
_NARROW = 9

#: The mean and the interval of a sign's fraction, in percent.
Share = tuple[float, float, float]


@dataclass(frozen=True)
class Bar:
    """The signs of a method's weights at one moment, in percent, by sign."""

    method: str
    moment: str
    shares: Mapping[str, Share]


@dataclass(frozen=True)
class Signs:
    """What the figure shows.

    Attributes:
        panels: the title and the bars of each panel.
        methods: the methods, from top to bottom.
        note: the sentences below the panels.
    """

    panels: tuple[tuple[str, tuple[Bar, ...]], ...]
    methods: tuple[str, ...]
    note: str


def summarise(results: Results) -> Signs:
    """Return the fractions of negative, zero and positive effective weights in percent."""
    table = one_arm_each(results, shares(results))
    if table.empty:
        raise NothingToDraw("No trial is finished.")
    panels = tuple((panel.title, _bars(panel.rows)) for panel in arm_panels(results, table))
    note = sentences(
        "Upper bar: before training; lower bar: after the last epoch.",
        seeds(table["n"], "black line across an edge"),
        diverged_or_dead(results.trials),
        chosen_arms(results),
        left_out(len(panels)),
    )
    return Signs(panels, tuple(styles_of(results, table)), note)


def _bars(rows: pd.DataFrame) -> tuple[Bar, ...]:
    bars = []
    for (method, moment), bar in rows.groupby(["method", "moment"], sort=False):
        ends = bar.set_index("sign")[["mean", "low", "high"]] * 100
        by_sign = {str(sign): (mean, low, high) for sign, mean, low, high in ends.itertuples()}
        bars.append(Bar(str(method), str(moment), by_sign))
    return tuple(bars)


def shares(results: Results) -> pd.DataFrame:
    """Return the fractions of the signs among all connections, estimated over seeds.

    Returns:
        A row per cell, `moment` (before, after) and `sign` (negative, zero, positive), with the
        columns of `grouped`.
    """
    by = varying(results)
    keys = ", ".join(["attempt", *by])
    sums = ", ".join(f"sum(effective_{s}) / sum(connections) AS {s}" for s in SIGNS)
    moments = (results.layers.filter("epoch = 0"), results.final_layers)
    estimates = []
    for moment, rows in zip(_MOMENTS, moments, strict=True):
        trials = rows.aggregate(f"{keys}, {sums}", keys).order(keys).df()
        estimates += [grouped(trials, by, s).assign(moment=moment, sign=s) for s in SIGNS]
    return pd.concat(estimates, ignore_index=True)


def draw(summary: Signs) -> Drawing:
    """Draw the fractions as bars."""
    titles = [title for title, _ in summary.panels]
    figure, grid = panel_grid(titles, 0.8 + 0.5 * len(summary.methods))
    for (_, bars), (axes,) in zip(summary.panels, grid, strict=False):
        _draw(axes, bars, summary.methods)
    legend = [Patch(facecolor=colour, label=sign) for sign, colour in SIGNS.items()]
    return finish(figure, TITLE, CAPTION, summary.note, {}, legend)


def _draw(axes: Axes, bars: tuple[Bar, ...], methods: tuple[str, ...]) -> None:
    """Draw two bars per method, one above the other."""
    for bar in bars:
        _draw_bar(axes, bar, methods.index(bar.method) + _MOMENTS[bar.moment])
    at = [place + aside for place in range(len(methods)) for aside in _MOMENTS.values()]
    axes.set_yticks(at, _labels(methods))
    axes.set(xlim=(0, 100), ylim=(len(methods) - 0.5, -0.5), xlabel="connections (%)")
    axes.grid(visible=False)


def _labels(methods: tuple[str, ...]) -> list[str]:
    before, after = _MOMENTS
    return [label for method in methods for label in (f"{method}  {before}", after)]


def _draw_bar(axes: Axes, bar: Bar, at: float) -> None:
    """Draw one stacked bar with its numbers, and the intervals of its edges."""
    start = 0.0
    for sign, (share, low, high) in bar.shares.items():
        axes.barh(at, share, 0.36, left=start, color=SIGNS[sign], lw=0)
        if share > _NARROW:
            place: dict[str, Any] = {"size": 8, "ha": "center", "va": "center"}
            axes.text(start + share / 2, at, f"{share:.0f}", color=_INKS[sign], **place)
        start += share
        # Zeros lie between the others, so their edges are those of the negative and the positive.
        ends = {"negative": [low, high], "positive": [100 - high, 100 - low]}.get(sign)
        if ends:
            axes.plot(ends, [at, at], color=ON_LIGHT, lw=1.4, solid_capstyle="butt")
