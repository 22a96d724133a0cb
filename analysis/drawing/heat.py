"""Heat maps: a number in each cell, its colour on a scale that diverges from zero."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.drawing.style import INK, ON_DARK, ON_LIGHT
from analysis.numbers import number

#: Orange below zero, purple above: distinct with any of the common colour blindnesses.
COLOURS = "PuOr"
#: More letters than this do not fit side by side below a map.
_LETTERS = 30
#: With more columns, numbers are shorter and smaller.
_NARROW = 4
#: Relative luminance (ITU-R BT.709) of a colour below which white text is more legible than black.
_DARK = 0.45
#: Steps of the scale of colours.
_STEPS = 21


@dataclass(frozen=True)
class HeatMap:
    """A table of means with their intervals, in the unit of display.

    Attributes:
        title: the panel's title.
        across: label of the horizontal axis.
        down: label of the vertical axis.
        columns: labels of the columns.
        rows: labels of the rows, from top to bottom.
        means: per row and column; nan for an empty cell.
        intervals: the lower and upper ends; nan where there is none.
        framed: the column with a frame.
    """

    title: str
    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    means: tuple[tuple[float, ...], ...]
    intervals: tuple[tuple[tuple[float, float], ...], ...]
    framed: int


def scale(values: Sequence[float]) -> ScalarMappable:
    """Return colours centred at zero that a few large values do not wash out.

    Args:
        values: in the unit of display. The scale ends at the 90% quantile of their magnitudes, at
            least at 1; larger values have its last colour.
    """
    known = [abs(value) for value in values if not math.isnan(value)]
    reach = max(float(np.quantile(known, 0.9)) if known else 0.0, 1.0)
    return ScalarMappable(Normalize(-reach, reach), mpl.colormaps[COLOURS])


def draw_heat(axes: Axes, heat: HeatMap, colours: ScalarMappable) -> None:
    """Draw a table, its first row at the top, with a number in each cell that has one.

    The cells are rectangles and no image, so that they stay sharp at any size.

    Args:
        axes: the panel's axes.
        heat: the table.
        colours: made by `scale`.
    """
    axes.set_xlim(-0.5, len(heat.columns) - 0.5)
    for row, means in enumerate(heat.means):
        for column, mean in enumerate(means):
            if not math.isnan(mean):
                ends = heat.intervals[row][column]
                text = _text(mean, ends, short=len(heat.columns) > _NARROW)
                _draw_cell(axes, (column, row), _colour(colours, mean), text)
    turned = 40 if sum(map(len, heat.columns)) > _LETTERS else 0
    axes.set_xticks(range(len(heat.columns)), heat.columns, rotation=turned)
    axes.set_yticks(range(len(heat.rows)), heat.rows)
    axes.set(xlabel=heat.across, ylabel=heat.down)
    axes.set_ylim(len(heat.rows) - 0.5, -0.5)
    axes.tick_params(labelsize=8)
    axes.grid(visible=False)
    place = (heat.framed - 0.5, -0.5)
    frame = Rectangle(place, 1, len(heat.rows), fill=False, ec=INK, lw=2, clip_on=False, zorder=3)
    axes.add_patch(frame)


def _text(mean: float, ends: tuple[float, float], *, short: bool) -> str:
    text = number(mean, _digits(mean), sign=True)
    if math.isnan(ends[0]):
        return text
    low, high = (number(end, 1 if short else _digits(end), sign=True) for end in ends)
    return f"{text}\n[{low}, {high}]"


def _colour(colours: ScalarMappable, value: float) -> str:
    red, green, blue, _ = colours.to_rgba(np.array([value]))[0]
    return to_hex((red, green, blue))


def _draw_cell(axes: Axes, place: tuple[int, int], colour: str, text: str) -> None:
    column, row = place
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fc=colour, lw=0))
    ink = ON_DARK if _luminance(colour) < _DARK else ON_LIGHT
    size = 6.2 if axes.get_xlim()[1] > _NARROW else 7.0
    axes.text(column, row, text, ha="center", va="center", size=size, color=ink)


def draw_scale(figure: Figure, grid: Sequence[Axes], colours: ScalarMappable, label: str) -> None:
    """Draw the scale of the colours, in steps, as a vertical bar right of all maps.

    Args:
        figure: the figure.
        grid: the axes of the maps.
        colours: made by `scale`.
        label: what the colours mean, with the unit.
    """
    low, high = colours.get_clim()
    steps = np.linspace(low or 0.0, high or 0.0, _STEPS + 1)
    ticks = MaxNLocator(4).tick_values(steps[0], steps[-1])
    bar = figure.colorbar(
        colours, ax=list(grid), boundaries=steps, ticks=ticks, extend="both", pad=0.02
    )
    bar.set_label(label)
    bar.outline.set_visible(False)


def _digits(value: float) -> int:
    return 1 if abs(value) >= 10 else 2


def _luminance(colour: str) -> float:
    return float(np.dot(to_rgb(colour), [0.2126, 0.7152, 0.0722]))
