"""A row per method: a point per seed, the mean, its interval, and marks for what is out of view."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from analysis.drawing import completed, limits, sentences
from analysis.drawing.style import Look
from analysis.estimates.intervals import grouped
from analysis.numbers import many, number

#: Where the seeds, the mean and the text lie in a method's row, relative to its middle.
_SEEDS, _MEAN, _WORDS = -0.2, 0.12, 0.36
#: Smaller differences are rounding errors.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Outside:
    """What a panel's view leaves out, and how many of its rows have equal seeds.

    Attributes:
        points: number of seeds out of view.
        bars: number of ends of intervals out of view.
        equal: number of rows whose seeds, two or more, all have the same value.
        of: number of seeds, in view or not.
    """

    points: int
    bars: int
    equal: int
    of: int


def view(
    rows: pd.DataFrame, by: Sequence[str], value: str, *, bounded: bool = True
) -> tuple[float, float]:
    """Return limits in percent for the seeds and intervals of completed trials.

    A few cells far from all others and the wide intervals of two seeds would leave no room for the
    differences between the others. So the view reaches beyond the middle four fifths of the means
    at most by the range of these, or by two points. `draw_points` marks what lies outside.

    Args:
        rows: a row per trial with `by`, `value` (a fraction) and `outcome`.
        by: the fields that make a cell.
        value: the column.
        bounded: whether the values lie between 0 and 1.
    """
    sound = completed(rows)
    means = grouped(sound, by, value)
    # The seeds are included because the bounds of a cell with one seed are nan.
    ends = pd.concat([sound[value], means["low"], means["high"]]) * 100
    lower, upper = means["mean"].quantile([0.1, 0.9]) * 100
    reach = max(upper - lower, 2.0)
    low, high = limits(max(ends.min(), lower - reach), min(ends.max(), upper + reach))
    # The interval of few seeds may reach beyond 0 to 100%.
    return (max(low, -1.0), min(high, 101.0)) if bounded else (low, high)


def draw_points(
    axes: Axes,
    rows: pd.DataFrame,
    means: pd.DataFrame,
    value: str,
    shown: dict[str, Look],
    *,
    scale: float = 100,
    word: str = "mean",
) -> Outside:
    """Draw each method's seeds as small points, their mean as a mark, the interval as a bar.

    An arrow at the edge marks what lies out of view; a mean out of view is written there.

    Args:
        axes: the panel's axes; their horizontal limits stay.
        rows: a row per trial with `method` and `value`.
        means: a row per method with `mean`, `low`, `high`, `n`.
        value: the column.
        shown: the methods with their looks, from top to bottom.
        scale: factor on the values; 100 draws fractions in percent.
        word: the kind of average in `mean`.

    Returns:
        What lies out of view.
    """
    across, up = axes.get_xlabel(), axes.get_ylabel()
    left, right = axes.get_xlim()
    values, methods = rows[value] * scale, rows["method"].astype(str)
    inside = values.between(left, right)
    if inside.any():
        sns.stripplot(
            x=values[inside],
            y=methods[inside],
            hue=methods[inside],
            order=list(shown),
            hue_order=list(shown),
            palette={name: look.colour for name, look in shown.items()},
            ax=axes,
            size=4,
            alpha=0.5,
            jitter=False,
            legend=False,
        )
    for collection in axes.collections:  # seeds above the mean, so that neither hides the other
        collection.set_offsets(collection.get_offsets() - [0, -_SEEDS])  # type: ignore[operator]
    axes.set_xlim(left, right)
    bars = equal = 0
    for at, (method, look) in enumerate(shown.items()):
        of_method = values[methods == method]
        for beyond, edge in ((of_method < left, left), (of_method > right, right)):
            if beyond.any():
                _arrow(axes, edge, at + _SEEDS, look)
        for _, row in means[means["method"] == method].iterrows():
            mean, low, high = (float(row[name]) * scale for name in ("mean", "low", "high"))
            bars += _draw_mean(axes, at, look, (mean, low, high), word)
            spread = of_method.max() - of_method.min()
            if of_method.count() == row["n"] > 1 and spread < _EQUAL * scale:
                equal += 1
                _label_equal(axes, mean, at, int(row["n"]))
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks(range(len(shown)), list(shown))
    axes.set(xlabel=across, ylabel=up)  # seaborn replaces the labels by names of columns
    return Outside(int((~inside & values.notna()).sum()), bars, equal, int(values.notna().sum()))


def unseen(panels: Iterable[Outside]) -> str:
    """Return sentences on what is out of the panels' views and on equal seeds, or ""."""
    every = list(panels)
    points, bars, equal, of = (
        sum(getattr(panel, name) for panel in every) for name in ("points", "bars", "equal", "of")
    )
    phrases = [f"{points} of {of} points"] if points else []
    phrases += [many(bars, "end") + " of bars"] if bars else []
    arrows = f"Arrows at an edge: {' and '.join(phrases)} lie outside." if phrases else ""
    same = "“n equal”: all n seeds have the same value, so there is no bar." if equal else ""
    return sentences(arrows, same)


def _draw_mean(axes: Axes, at: int, look: Look, ends: tuple[float, float, float], word: str) -> int:
    """Draw a mean with its interval; return how many of the interval's ends are out of view."""
    mean, low, high = ends
    left, right = axes.get_xlim()
    line = at + _MEAN
    if low < right and high > left:  # neither is nan
        axes.plot([max(low, left), min(high, right)], [line, line], color=look.colour, lw=2.2)
    for beyond, edge in ((min(low, mean) < left, left), (max(high, mean) > right, right)):
        if beyond:
            _arrow(axes, edge, line, look)
    if left <= mean <= right:
        axes.plot(mean, line, look.marker, color=look.colour, ms=8, mec="white")
    elif mean < left:
        text = f" \N{LEFTWARDS ARROW} {word} {number(mean, 1)}"
        axes.text(left, at + _WORDS, text, color="#333333", size=8, va="center")
    elif mean > right:
        text = f"{word} {number(mean, 1)} \N{RIGHTWARDS ARROW} "
        axes.text(right, at + _WORDS, text, color="#333333", size=8, va="center", ha="right")
    return int(low < left) + int(high > right)


def _arrow(axes: Axes, edge: float, at: float, look: Look) -> None:
    """Mark on an edge of the view that a value lies beyond it."""
    marker = "<" if edge == axes.get_xlim()[0] else ">"
    axes.plot(edge, at, marker, color=look.colour, ms=5, mew=0, clip_on=False, zorder=3)


def _label_equal(axes: Axes, mean: float, at: int, n: int) -> None:
    """Write beside a mean that all seeds have its value, which explains the missing bar."""
    left, right = axes.get_xlim()
    if left <= mean <= right:
        late = mean > left + 0.8 * (right - left)
        axes.annotate(
            f"{n} equal",
            (mean, at + _MEAN),
            (-8 if late else 8, 0),
            textcoords="offset points",
            color="#333333",
            size=8,
            va="center",
            ha="right" if late else "left",
        )
