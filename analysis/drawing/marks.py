"""Means with their seeds and intervals, and arrows where they lie outside the view."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.drawing.style import INK, PAPER, ZONE, Style
from analysis.estimates.intervals import interval
from analysis.numbers import number

#: Letters of a number beside a mark, in points.
_LETTERS = 8
#: Lines across a panel, by what they show.
GUIDES: Mapping[str, dict[str, Any]] = {
    "zero": {"color": INK, "lw": 0.9, "ls": "-"},
    "dense": {"color": "#333333", "lw": 1.0, "ls": (0, (4, 3))},
    "bound": {"color": INK, "lw": 1.2, "ls": (0, (4, 3))},
    "chance": {"color": INK, "lw": 1.0, "ls": ":"},
}


@dataclass(frozen=True)
class Mark:
    """A mean over seeds, in the unit of display.

    Attributes:
        method: whose style the mark has.
        mean: the mean, or another average.
        low: the lower end of its interval; nan without one.
        high: the upper end.
        n: number of seeds.
        seeds: their values, if they are shown.
        word: the kind of average.
    """

    method: str
    mean: float
    low: float = math.nan
    high: float = math.nan
    n: int = 1
    seeds: tuple[float, ...] = field(default=(), repr=False)
    word: str = "mean"

    @property
    def is_equal(self) -> bool:
        """Whether several seeds are shown that all have the same value."""
        return len(self.seeds) == self.n > 1 and math.isnan(self.low)


def marks_of(rows: pd.DataFrame, value: str) -> list[Mark]:
    """Return a mark in percent, with its seeds, for each method of some trials.

    Args:
        rows: a row per trial with `method` and the value; nan is left out.
        value: a column of fractions.

    Returns:
        The marks in the order in which the methods appear.
    """
    values, methods = rows[value].to_numpy(float) * 100, rows["method"].to_numpy(object)
    marks = []
    for method in dict.fromkeys(methods[~np.isnan(values)]):
        of_method = values[(methods == method) & ~np.isnan(values)]
        mean = interval(of_method)
        seeds = tuple(of_method.tolist())
        marks.append(Mark(str(method), mean.mean, mean.low, mean.high, mean.n, seeds))
    return marks


def from_table(means: pd.DataFrame, *, scale: float = 100) -> list[Mark]:
    """Return a mark for each row of means, as `grouped` returns them with `method`."""
    mean, low, high = (means[name].to_numpy(float) * scale for name in ("mean", "low", "high"))
    rows = zip(means["method"], mean, low, high, means["n"], strict=True)
    return [
        Mark(str(method), float(middle), float(lower), float(upper), int(n))
        for method, middle, lower, upper, n in rows
    ]


def draw_mark(
    axes: Axes,
    mark: Mark,
    at: float,
    style: Style,
    *,
    upright: bool = False,
    size: float = 6.5,
    is_open: bool = False,
) -> None:
    """Draw a mean as a marker and its interval as a line, both within the limits of the axis.

    An arrow at the edge shows where one of them lies outside; beside a mean that does, its value.

    Args:
        axes: the panel's axes, whose limits are set.
        mark: the mean.
        at: its place on the other axis.
        style: its colour and marker.
        upright: whether the values are on the vertical axis.
        size: the marker's size in points.
        is_open: whether the marker is only an outline.
    """
    low, high = axes.get_ylim() if upright else axes.get_xlim()
    ends = [max(mark.low, low), min(mark.high, high)]
    if ends[0] < ends[1]:  # neither is nan, and one part is in view
        _plot(axes, ends, at, upright, "-", color=style.colour, lw=1.8, zorder=2.5)
    for beyond, edge, arrow in (
        (min(mark.low, mark.mean) < low or mark.mean < low, low, "v" if upright else "<"),
        (max(mark.high, mark.mean) > high or mark.mean > high, high, "^" if upright else ">"),
    ):
        if beyond:
            draw_arrow(axes, edge, at, arrow, style, upright=upright)
    if low <= mark.mean <= high:
        filled = {"mec": PAPER, "mew": 0.7}
        outline = {"mfc": PAPER, "mec": style.colour, "mew": 1.4, "ms": size - 1}
        look = {"color": style.colour, "ms": size, "zorder": 3}
        look |= outline if is_open else filled
        _plot(axes, [mark.mean], at, upright, style.marker, clip_on=False, **look)
        if mark.is_equal:
            late = mark.mean > low + 0.8 * (high - low)
            _write(axes, mark.mean, at, f"{mark.n} equal", upright, late=late)
    elif not math.isnan(mark.mean):
        edge = low if mark.mean < low else high
        text = f"{mark.word} {number(mark.mean, 1)}" if not upright else number(mark.mean, 1)
        _write(axes, edge, at, text, upright, late=edge == high)


def draw_seeds(axes: Axes, values: Sequence[float], at: float, style: Style) -> None:
    """Draw a small point per seed; an arrow at the edge shows that some lie outside."""
    low, high = axes.get_xlim()
    inside = [value for value in values if low <= value <= high]
    look: dict[str, Any] = {"ms": 3.6, "alpha": 0.5, "mew": 0, "zorder": 2}
    if inside:
        axes.plot(inside, [at] * len(inside), "o", color=style.colour, clip_on=False, **look)
    if any(value < low for value in values):
        draw_arrow(axes, low, at, "<", style)
    if any(value > high for value in values):
        draw_arrow(axes, high, at, ">", style)


def draw_arrow(
    axes: Axes, edge: float, at: float, arrow: str, style: Style, *, upright: bool = False
) -> None:
    """Show at an edge of the view that a value lies beyond it."""
    _plot(
        axes, [edge], at, upright, arrow, color=style.colour, ms=5, mew=0, clip_on=False, zorder=3
    )


def draw_behind(
    axes: Axes,
    guides: Iterable[tuple[float, str]],
    zone: tuple[float, float] | None = None,
    *,
    upright: bool = False,
) -> None:
    """Draw what lies behind the marks of a panel.

    Args:
        axes: the panel's axes.
        guides: lines across the panel: a value and a key of `GUIDES`.
        zone: values that are shaded, from one to another.
        upright: whether the values are on the vertical axis.
    """
    draw_line = axes.axhline if upright else axes.axvline
    for value, kind in guides:
        draw_line(value, zorder=0.8, **GUIDES[kind])
    if zone is not None:
        draw_zone = axes.axhspan if upright else axes.axvspan
        draw_zone(*zone, color=ZONE, alpha=0.13, lw=0, zorder=0.4)


def guide_entries(guides: Iterable[tuple[float, str]]) -> list[Line2D]:
    """Return the legend's entry for the line of chance, if there is one."""
    shown = "chance" in {kind for _, kind in guides}
    return [Line2D([], [], label="chance", **GUIDES["chance"])] if shown else []


def _plot(
    axes: Axes, values: Sequence[float], at: float, upright: bool, form: str, **look: object
) -> None:
    others = [at] * len(values)
    across, up = (others, values) if upright else (values, others)
    axes.plot(across, up, form, **look)  # type: ignore[arg-type]


def _write(axes: Axes, value: float, at: float, text: str, upright: bool, *, late: bool) -> None:
    """Write beside a mark: right of it, or left if it is near the right edge; upright above it."""
    away = -8 if late else 8
    axes.annotate(
        text,
        (at, value) if upright else (value, at),
        (0, away) if upright else (away, 0),
        textcoords="offset points",
        color=INK,
        size=_LETTERS,
        rotation=90 if upright else 0,
        va=("top" if late else "bottom") if upright else "center",
        ha="center" if upright else ("right" if late else "left"),
    )
