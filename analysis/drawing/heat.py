"""Heat maps: a number in each cell, its colour on a scale that diverges from zero."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from analysis.numbers import number

#: Orange below zero, purple above: distinct with any of the common colour blindnesses.
COLOURS = "PuOr"
#: More letters than this do not fit side by side below a map.
_LETTERS = 30
#: Relative luminance (ITU-R BT.709) of a colour below which white text is more legible than black.
_DARK = 0.45


def scale(values: pd.Series) -> ScalarMappable:
    """Return colours centred at zero that a few large values do not wash out.

    Args:
        values: in the unit of display. The scale ends at the 90% quantile of their magnitudes, at
            least at 1; larger values have its last colour.
    """
    reach = max(float(values.abs().quantile(0.9)), 1.0)
    return ScalarMappable(Normalize(-reach, reach), mpl.colormaps[COLOURS])


def draw_heat(
    axes: Axes, means: pd.DataFrame, halves: pd.DataFrame, colours: ScalarMappable
) -> None:
    """Draw a table, its first row at the top, with a number in each cell that has one.

    Args:
        axes: the panel's axes.
        means: in the unit of display; index and columns are the labels.
        halves: half-widths of their intervals, written below them if they are not nan.
        colours: made by `scale`.
    """
    values, widths = means.to_numpy(float), halves.to_numpy(float)
    axes.imshow(values, cmap=colours.cmap, aspect="auto").set_norm(colours.norm)
    for row, column in np.argwhere(~np.isnan(values)).tolist():
        value, half = float(values[row, column]), float(widths[row, column])
        text = number(value, _digits(value), sign=True)
        text += "" if np.isnan(half) else f"\n±{number(half, _digits(half))}"
        ink = (
            "white"
            if _luminance(colours.to_rgba(values[row : row + 1, column])[0]) < _DARK
            else "black"
        )
        axes.text(column, row, text, ha="center", va="center", size=7.5, color=ink)
    labels = [str(name) for name in means.columns]
    turned = 40 if sum(map(len, labels)) > _LETTERS else 0
    axes.set_xticks(range(len(labels)), labels, rotation=turned)
    axes.set_yticks(range(means.shape[0]), list(means.index))
    axes.tick_params(labelsize=8)
    axes.grid(visible=False)


def outline(axes: Axes, column: int, rows: int) -> None:
    """Draw a frame around a column of a map with this many rows."""
    place = (column - 0.5, -0.5)
    frame = Rectangle(place, 1, rows, fill=False, ec="black", lw=2, clip_on=False, zorder=3)
    axes.add_patch(frame)


def _digits(value: float) -> int:
    return 1 if abs(value) >= 10 else 2


def _luminance(rgba: np.ndarray) -> float:
    return float(rgba[:3] @ [0.2126, 0.7152, 0.0722])
