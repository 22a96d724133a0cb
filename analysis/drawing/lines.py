"""Lines with bands against a numeric field that a study varies."""

from collections.abc import Hashable, Sequence

import pandas as pd
from matplotlib.axes import Axes

from analysis.drawing import percent
from analysis.drawing.style import Style


def draw_lines(axes: Axes, means: pd.DataFrame, axis: str, shown: dict[str, Style]) -> None:
    """Draw a line with marks and a band per method, in percent.

    Args:
        axes: the panel's axes.
        means: a row per method and value of the axis: mean, low, high (fractions).
        axis: the column of the horizontal axis.
        shown: the methods with their styles.
    """
    for method, style in shown.items():
        line = means[means["method"] == method].sort_values(axis)
        axes.plot(
            line[axis],
            percent(line["mean"]),
            color=style.colour,
            linestyle=style.line,
            marker=style.marker,
            ms=6,
            mec="white",
            lw=1.6,
        )
        band = percent(line["low"]), percent(line["high"])
        axes.fill_between(line[axis], *band, color=style.colour, alpha=0.15, lw=0)


def log_ticks(axes: Axes, values: Sequence[Hashable]) -> None:
    """Make the horizontal axis logarithmic with base 2 and a tick at each value."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(values, [f"{value:g}" for value in values])  # type: ignore[arg-type]
    axes.minorticks_off()
