"""Two panels per setting, side by side: the same trials seen in two ways."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.drawing import MOST_PANELS, Panel

#: Inches; two panels beside each other.
_WIDTH = 9.5
#: Behind what must not be read as the result.
TINT = "#f6efe2"


@dataclass(frozen=True)
class Side:
    """One of the two ways.

    Attributes:
        title: what it shows; stands above each of its panels, below the setting.
        across: the horizontal axis, with its unit.
        up: the vertical axis, with its unit.
    """

    title: str
    across: str
    up: str = ""


def side_by_side(
    panels: Sequence[Panel],
    height: float,
    left: Side,
    right: Side,
    *,
    same_across: bool | Literal["col"] = "col",
    same_up: bool | Literal["col"] = "col",
) -> tuple[Figure, list[tuple[Axes, Axes, Panel]], str]:
    """A figure with a row of two panels for each of the first `MOST_PANELS` / 2 settings.

    Args:
        panels: what to draw, at least one.
        height: of a row, in inches.
        left: what the first panel of a row shows.
        right: what the second shows.
        same_across: which panels share the horizontal axis: all, or those below each other.
        same_up: which share the vertical axis.

    Returns:
        The figure, per setting its two axes and its panel, and a sentence on what is left out.
    """
    shown = panels[: MOST_PANELS // 2]
    figure = Figure(figsize=(_WIDTH, height * len(shown)), layout="constrained")
    grid = figure.subplots(len(shown), 2, squeeze=False, sharex=same_across, sharey=same_up)
    for row, panel in zip(grid, shown, strict=True):
        for axes, side in zip(row, (left, right), strict=True):
            lines = [*textwrap.wrap(panel.title, 46), side.title]
            axes.set_title("\n".join(lines))
            axes.set(xlabel=side.across, ylabel=side.up)
            axes.tick_params(labelbottom=True)
    placed = [(first, second, panel) for (first, second), panel in zip(grid, shown, strict=True)]
    missing = len(panels) - len(shown)
    said = f"The first {len(shown)} of {len(panels)} settings; {missing} are left out."
    return figure, placed, said if missing else ""
