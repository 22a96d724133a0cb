"""Lines of means with intervals, against the values of a field or the layers of a network.

The values are at equal distances, whatever they are, unless they are drawn to scale. Methods stand
beside each other at a value, so that no interval hides another. Methods without a value stand in a
strip at the left edge, each with its interval, and a thin line of their mean runs across.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from analysis.drawing import Drawing
from analysis.drawing.layout import add_title, finish, panel_grid
from analysis.drawing.marks import Mark, draw_behind, draw_mark, from_table, guide_entries
from analysis.drawing.sides import Side, Sided, SidedPanel
from analysis.drawing.style import SOFT, ZONE, Style

#: The part of the distance of two values that the methods at a value take.
_FILLED = 0.6
#: The distance of two methods in the strip of those without a value, in distances of two values.
_APART = 0.36
#: More labels than this are turned, and more than `_MOST_LABELS` are thinned.
_TURNED, _MOST_LABELS = 5, 12


@dataclass(frozen=True)
class Line:
    """The means of a method at some values.

    Attributes:
        method: the method, or what else names its style.
        values: the values of the horizontal axis.
        marks: a mean at each of them.
        best: which of the values is ringed; None if none is.
    """

    method: str
    values: tuple[float, ...]
    marks: tuple[Mark, ...]
    best: float | None = None


@dataclass(frozen=True)
class LineSide(Side):
    """One axes of a panel, whose vertical axis is that of the values.

    Attributes:
        lines: a line per method that has values.
        beside: the means of methods without a value.
        levels: values of the horizontal axis, each with a level that a short grey line shows.
    """

    lines: tuple[Line, ...]
    beside: tuple[Mark, ...] = ()
    levels: tuple[tuple[float, float], ...] = ()

    @property
    def marks(self) -> list[Mark]:
        """All means of the side."""
        return [*(mark for line in self.lines for mark in line.marks), *self.beside]


@dataclass(frozen=True)
class LinePanel(SidedPanel):
    """A panel with lines.

    Attributes:
        across: label of the horizontal axis.
        ticks: the values of the horizontal axis with their labels.
        to_scale: whether the distances of the values are their differences, not all equal.
        divider: a value left of which is a vertical line; None for no line.
        is_joined: whether lines join the means of a method.
    """

    sides: tuple[LineSide, ...]
    across: str
    ticks: Mapping[float, str]
    to_scale: bool = False
    divider: float | None = None
    is_joined: bool = True

    @property
    def places(self) -> Mapping[float, float]:
        """The place of each value on the horizontal axis."""
        return {v: v if self.to_scale else float(n) for n, v in enumerate(self.ticks)}


@dataclass(frozen=True)
class Lines(Sided[LinePanel]):
    """What a figure with lines shows.

    Attributes:
        height: the height of a panel in inches.
        without_value: label of the strip of the methods without a value.
    """

    height: float = 3.1
    without_value: str = ""

    def draw(self, title: str, caption: str, further: Sequence[Artist] = ()) -> Drawing:
        """Draw the panels of a figure.

        Args:
            title: the figure's title.
            caption: the figure's caption.
            further: entries of the legend after the methods.
        """
        titles = [panel.title for panel in self.panels]
        figure, grid = panel_grid(titles, self.height, sides=self.sides, shared="none")
        for panel, axes_of in zip(self.shown, grid, strict=True):
            for side, axes in zip(panel.sides, axes_of, strict=True):
                draw_line_side(axes, panel, side, self)
        _hide_repeated(list(grid.ravel()))
        guides = [guide for panel in self.shown for side in panel.sides for guide in side.guides]
        legend = [*further, *guide_entries(guides)]
        joined = any(panel.is_joined for panel in self.shown)
        return finish(figure, title, caption, self.full_note, self.styles, legend, lines=joined)


def lines_over(means: pd.DataFrame, field: str, methods: Iterable[str]) -> tuple[Line, ...]:
    """Return a line for each method, in percent or points.

    Args:
        means: a row per method and value: `method`, the field, and the columns of `grouped`.
        field: the field of the horizontal axis.
        methods: the methods, in the order of display; those without a row are left out.
    """
    lines = []
    for method in methods:
        rows = means[(means["method"] == method) & means["mean"].notna()].sort_values(field)
        if len(rows):
            marks = tuple(from_table(rows))
            lines.append(Line(method, tuple(map(float, rows[field])), marks))
    return tuple(lines)


def ticks(values: Iterable[float]) -> dict[float, str]:
    """Return the labels of the values of a horizontal axis, in ascending order."""
    return {float(value): f"{value:g}" for value in sorted(set(values))}


def layer_panel(title: str, sides: tuple[LineSide, ...], rows: pd.DataFrame) -> LinePanel:
    """Return a panel with the layers of a network on its horizontal axis.

    Args:
        title: its title.
        sides: its axes.
        rows: rows with `layer`, a number, and `layer_name`.
    """
    layers = rows[["layer", "layer_name"]].drop_duplicates("layer").sort_values("layer")
    names = dict(zip(map(float, layers["layer"]), layers["layer_name"], strict=True))
    if len(names) > _MOST_LABELS:  # by number
        names = {layer: f"{layer + 1:g}" for layer in names}
    return LinePanel(title, sides, "layer", names, is_joined=False)


def draw_line_side(axes: Axes, panel: LinePanel, side: LineSide, summary: Lines) -> None:
    """Draw one axes of a panel."""
    add_title(axes, side.title)
    axes.set(xlabel=panel.across, ylabel=side.axis, ylim=side.view)
    places = list(panel.places.values())
    step = min((b - a for a, b in pairwise(sorted(places))), default=1.0)
    names = [name for name in summary.styles if name in {line.method for line in side.lines}]
    apart = _FILLED * step / max(len(names), 4)
    for line in side.lines:
        aside = apart * (names.index(line.method) - (len(names) - 1) / 2)
        at = [panel.places[value] + aside for value in line.values]
        _draw_line(axes, line, at, summary.styles[line.method], is_joined=panel.is_joined)
    left = min(places) - 0.5 * step
    axes.set_xticks(list(places), _thinned(list(panel.ticks.values())))
    if side.beside:
        left = _draw_beside(axes, side, left, _APART * step, summary)
    axes.set_xlim(left, max(places) + 0.5 * step)
    if len(places) > _TURNED and max(map(len, panel.ticks.values())) > 4:
        axes.tick_params(axis="x", labelrotation=45)
    axes.grid(visible=False, axis="x")
    draw_behind(axes, side.guides, side.zone, upright=True)
    for value, level in side.levels:
        ends = [panel.places[value] - 0.4 * step, panel.places[value] + 0.4 * step]
        axes.plot(ends, [level] * 2, color=ZONE, lw=1.2, zorder=0.9)
    if panel.divider is not None:
        axes.axvline(panel.places[panel.divider] - 0.5 * step, color=SOFT, lw=0.8)


def _draw_line(
    axes: Axes, line: Line, at: Sequence[float], style: Style, *, is_joined: bool
) -> None:
    means = [mark.mean for mark in line.marks]
    if is_joined:
        axes.plot(at, means, style.line, color=style.colour, lw=1.4, zorder=2)
    for place, value, mark in zip(at, line.values, line.marks, strict=True):
        draw_mark(axes, mark, place, style, upright=True)
        if value == line.best:
            ring: dict[str, Any] = {"ms": 13, "mfc": "none", "mec": style.colour, "mew": 1.3}
            axes.plot(place, mark.mean, "o", clip_on=False, **ring)


def _draw_beside(axes: Axes, side: LineSide, right: float, apart: float, summary: Lines) -> float:
    """Draw the methods without a value left of the others; return where their strip begins."""
    order = list(summary.styles)
    marks = sorted(side.beside, key=lambda mark: order.index(mark.method))
    left = right - apart * (len(marks) + 0.6)
    for number, mark in enumerate(marks):
        style = summary.styles[mark.method]
        axes.axhline(mark.mean, color=style.colour, ls=style.line, lw=0.9, alpha=0.75, zorder=1.5)
        draw_mark(axes, mark, left + apart * (number + 0.8), style, upright=True)
    axes.axvline(right, color=SOFT, lw=0.8)
    ticks, labels = axes.get_xticks(), [text.get_text() for text in axes.get_xticklabels()]
    middle = (left + right) / 2
    axes.set_xticks([middle, *ticks], [summary.without_value, *labels])
    return left


def _thinned(labels: list[str]) -> list[str]:
    """Return the labels; of many only every third."""
    if len(labels) <= _MOST_LABELS:
        return labels
    return [label if number % 3 == 0 else "" for number, label in enumerate(labels)]


def _hide_repeated(grid: Sequence[Axes]) -> None:
    """Leave out the label of the vertical axis where it is that of the axes to the left."""
    labels = [axes.get_ylabel() for axes in grid]
    for number, axes in enumerate(grid[1:], 1):
        place = axes.get_subplotspec()
        if place and not place.is_first_col() and labels[number] == labels[number - 1]:
            axes.set_ylabel("")
