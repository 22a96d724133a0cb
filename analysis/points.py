"""A row per method: a point per seed, the mean, its interval."""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.drawing import completed, limits, percent
from analysis.estimates import grouped
from analysis.style import Look
from analysis.wording import number


def view(rows: pd.DataFrame, by: Sequence[str], value: str) -> tuple[float, float]:
    """Limits in percent that hold all seeds and intervals of trials that were completed.

    Args:
        rows: a row per trial with `by`, `value` (a fraction) and `outcome`.
        by: the fields that make a cell.
        value: the column to draw.
    """
    sound = completed(rows)
    means = grouped(sound, by, value)
    # concatenated, because the bounds are nan where a cell has one seed
    ends = pd.concat([sound[value], means["low"], means["high"]]) * 100
    low, high = limits(ends.min(), ends.max())
    return max(low, -1.0), min(high, 101.0)  # an interval of few seeds may leave 0 to 100%


def draw_points(
    axes: Axes, rows: pd.DataFrame, means: pd.DataFrame, value: str, shown: dict[str, Look]
) -> None:
    """Draw each method's seeds as small points, their mean as a mark, the interval as a bar.

    Args:
        axes: where to; the methods stand below each other. Its horizontal limits stay; a mean
            to the left of them is written at the edge.
        rows: a row per trial with `method` and `value`, a fraction; drawn in percent.
        means: a row per method with `mean`, `low`, `high`, `n`.
        value: the column to draw.
        shown: the methods and their looks, from top to bottom.
    """
    across, up = axes.get_xlabel(), axes.get_ylabel()
    sns.stripplot(
        x=percent(rows[value]),
        y=rows["method"].astype(str),
        hue=rows["method"].astype(str),
        order=list(shown),
        hue_order=list(shown),
        palette={name: look.colour for name, look in shown.items()},
        ax=axes,
        size=4,
        alpha=0.5,
        jitter=False,
        legend=False,
    )
    for collection in axes.collections:  # seeds just above the mean, so that neither hides
        collection.set_offsets(collection.get_offsets() - [0, 0.2])  # type: ignore[operator]
    edge = axes.get_xlim()[0]
    for _, row in means.iterrows():
        look = shown[str(row["method"])]
        at = list(shown).index(str(row["method"])) + 0.12
        if row["n"] > 1:
            axes.plot([row["low"] * 100, row["high"] * 100], [at, at], color=look.colour, lw=2.2)
        axes.plot(row["mean"] * 100, at, look.marker, color=look.colour, ms=8, mec="white")
        if row["mean"] * 100 < edge:
            below = f" \N{LEFTWARDS ARROW} mean {number(row['mean'] * 100, 1)}"
            axes.text(edge, at, below, color=look.colour, size=9, va="center")
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set(xlabel=across, ylabel=up)  # seaborn has put names of columns there
