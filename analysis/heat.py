"""Heat maps: a number in each cell on a colour that diverges from zero."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from analysis.wording import number

#: Orange for less, purple for more: told apart with any of the common colour blindnesses.
COLOURS = "PuOr"
#: Relative luminance (ITU-R BT.709) below which white is more legible than black.
_DARK = 0.45


def scale(values: pd.Series) -> ScalarMappable:
    """Colours that are centred at zero and not washed out by a few large values.

    Args:
        values: in the unit in which they are shown; beyond nine tenths of their magnitudes the
            colour stays the same. The scale reaches one at least.
    """
    reach = max(float(values.abs().quantile(0.9)), 1.0)
    return ScalarMappable(Normalize(-reach, reach), mpl.colormaps[COLOURS])


def draw_heat(axes: Axes, table: pd.DataFrame, colours: ScalarMappable) -> None:
    """Draw a table, its first row at the top, with a number in each cell that has one.

    Args:
        axes: where to.
        table: numbers, in the unit in which they are shown; index and columns are the labels.
        colours: of `scale`.
    """
    values = table.to_numpy(float)
    axes.imshow(values, cmap=colours.cmap, norm=colours.norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        said = number(value, 1 if abs(value) >= 10 else 2, sign=True)
        ink = "white" if _luminance(colours.to_rgba(value)) < _DARK else "black"
        axes.text(column, row, said, ha="center", va="center", size=8, color=ink)
    axes.set_xticks(range(table.shape[1]), list(table.columns))
    axes.set_yticks(range(table.shape[0]), list(table.index))
    axes.grid(visible=False)


def outline(axes: Axes, row: int, column: int) -> None:
    """Draw a frame round a cell."""
    place = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(place, 1, 1, fill=False, ec="black", lw=2, clip_on=False, zorder=3))


def _luminance(rgba: tuple[float, ...]) -> float:
    red, green, blue = rgba[:3]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
