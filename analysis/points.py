"""A row per method: a point per seed, the mean, its interval."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.drawing import percent
from analysis.style import Look


def draw_points(
    axes: Axes, rows: pd.DataFrame, means: pd.DataFrame, value: str, shown: dict[str, Look]
) -> None:
    """Draw each method's seeds as small points, their mean as a mark, the interval as a bar.

    Args:
        axes: where to; the methods stand below each other.
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
    for _, row in means.iterrows():
        look = shown[str(row["method"])]
        at = list(shown).index(str(row["method"])) + 0.12
        if row["n"] > 1:
            axes.plot([row["low"] * 100, row["high"] * 100], [at, at], color=look.colour, lw=2.2)
        axes.plot(row["mean"] * 100, at, look.marker, color=look.colour, ms=8, mec="white")
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set(xlabel=across, ylabel=up)  # seaborn has put names of columns there
