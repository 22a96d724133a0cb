"""Two panels side by side that show the same trials in two ways."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.drawing import MOST_PANELS, Panel

#: Width of two panels, in inches.
_WIDTH = 9.5
#: Background of a panel that must not be read as the result.
TINT = "#f6efe2"


@dataclass(frozen=True)
class Side:
    """The left or the right panels.

    Attributes:
        title: what they show; written above each panel, below the panel's own title.
        across: label of the horizontal axis, with its unit.
        up: label of the vertical axis, with its unit.
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
    """Return an empty figure with two axes side by side for each of the first panels.

    Args:
        panels: at least one; those beyond `MOST_PANELS` / 2 are left out.
        height: height of a row, in inches.
        left: what the left axes show.
        right: what the right axes show.
        same_across: which axes share the horizontal axis: all, none, or those in a column.
        same_up: which axes share the vertical axis.

    Returns:
        The figure, the two axes of each panel with the panel, and a sentence on the panels left
        out or "".
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
    left_out = f"Only the first {len(shown)} of {len(panels)} rows are shown."
    return figure, placed, left_out if len(shown) < len(panels) else ""
