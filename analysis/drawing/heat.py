"""Heat maps: a number in each cell, its colour on a scale that diverges from zero."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

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
#: The luminance of red, green and blue.
_LUMINANCE = (0.2126, 0.7152, 0.0722)
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
        means: [rows, columns]; nan for an empty cell.
        low: the lower ends of their intervals, [rows, columns]; nan where there is none.
        high: the upper ends.
        framed: the column with a frame.
    """

    title: str
    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    means: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    framed: int


def scale(values: ArrayLike) -> ScalarMappable:
    """Return colours centred at zero that a few large values do not wash out.

    Args:
        values: in the unit of display. The scale ends at the 90% quantile of their magnitudes, at
            least at 1; larger values have its last colour.
    """
    known = np.abs(np.asarray(values, float))
    known = known[~np.isnan(known)]
    reach = max(float(np.quantile(known, 0.9)) if known.size else 0.0, 1.0)
    return ScalarMappable(Normalize(-reach, reach), mpl.colormaps[COLOURS])


def draw_heat(axes: Axes, heat: HeatMap, colours: ScalarMappable) -> None:
    """Draw a table, its first row at the top, with a number in each cell that has one.

    The cells are rectangles and no image, so that they stay sharp at any size.

    Args:
        axes: the panel's axes.
        heat: the table.
        colours: made by `scale`.
    """
    short = len(heat.columns) > _NARROW
    look: dict[str, Any] = {"ha": "center", "va": "center", "size": 6.2 if short else 7.0}
    axes.set_xlim(-0.5, len(heat.columns) - 0.5)
    shades = colours.to_rgba(heat.means)
    for (row, column), mean in np.ndenumerate(heat.means):
        if not math.isnan(mean):
            red, green, blue, _ = shades[row, column]
            colour = to_hex((red, green, blue))
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fc=colour, lw=0))
            low, high = (float(ends[row, column]) for ends in (heat.low, heat.high))
            text = _text(mean, low, high, short=short)
            is_dark = np.dot(to_rgb(colour), _LUMINANCE) < _DARK
            axes.text(column, row, text, color=ON_DARK if is_dark else ON_LIGHT, **look)
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


def _text(mean: float, low: float, high: float, *, short: bool) -> str:
    text = number(mean, _digits(mean), sign=True)
    if math.isnan(low):
        return text
    ends = (number(end, 1 if short else _digits(end), sign=True) for end in (low, high))
    return f"{text}\n[{', '.join(ends)}]"


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
