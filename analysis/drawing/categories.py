"""Categories below each other with the methods in each: two measures side by side."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, METHOD_ONLY, heading, ordered, panel_fields, shown, spread
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    completed,
    diverged_or_dead,
    finish,
    limits,
    methods_of,
    panels,
    seeds,
    sentences,
)
from analysis.drawing.points import Outside, unseen
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.drawing.style import Look
from analysis.estimates.intervals import grouped
from analysis.numbers import number
from analysis.tables import Results

#: The fraction of a category's height that its methods take.
_FILLED = 0.84
#: How far seeds lie above and the mean below a method's middle, as fractions of its height.
_SEEDS, _MEAN = 0.22, 0.14
#: Means further from the middle ones than this many times their range are left outside the view.
_AFAR = 6


@dataclass(frozen=True)
class Measure:
    """The measure that a panel draws.

    Attributes:
        value: a column of fractions.
        side: the title and the axis, in percent or points.
        whole: whether the axis includes zero.
        dense: whether dense training has the measure.
    """

    value: str
    side: Side
    whole: bool
    dense: bool


ACCURACY = Measure("test_accuracy", Side("test accuracy", "test accuracy (%)"), False, True)
CHANGED = Measure(
    "changed", Side("connections pruned or flipped", "changed connections (%)"), True, False
)
DIFFERENCE = Measure(
    "difference", Side("difference to dense", "test accuracy minus dense (points)"), True, False
)


def compare(
    results: Results,
    field: str,
    title: str,
    caption: str,
    trials: pd.DataFrame,
    second: Measure = CHANGED,
) -> Drawing:
    """Draw two final measures by a field's values: a point per seed, the mean, its interval.

    If dense training does not read the field, it is a dashed line across all values.

    Args:
        results: the study.
        field: a field of trials; its values are the categories.
        title: the figure's title.
        caption: the figure's caption.
        trials: the trials to show, with the measures.
        second: the measure beside the accuracy.

    Raises:
        NothingToDraw: no panel has two values of the field.
    """
    trials = trials.dropna(subset=ACCURACY.value)
    compared = _panels(results, field, trials)
    if not compared:
        raise NothingToDraw(f"No two values of {heading(field)} are compared.")
    rows = pd.concat([panel.rows for panel in compared])
    looks = methods_of(results, rows)
    idle = field in METHOD_ONLY and BASELINE in looks
    rowed = {name: look for name, look in looks.items() if not (idle and name == BASELINE)}
    categories = [value for value in ordered(results, field) if value in set(rows[field])]
    height = 0.75 + len(categories) * (0.12 + 0.19 * len(rowed))
    figure, placed, left_out = side_by_side(
        compared, height, ACCURACY.side, second.side, same_across=False, same_up=True
    )
    outside = []
    for left, right, panel in placed:
        for axes, measure in ((left, ACCURACY), (right, second)):
            axes.set_xlim(view(panel.rows, field, measure))
            outside.append(draw_rows(axes, panel.rows, field, categories, rowed, measure))
        left.set_yticks(range(len(categories)), [shown(field, value) for value in categories])
        if idle:
            _draw_level(left, panel.rows)
    counts = [n for *_, panel in placed for n in panel.rows.groupby([field, "method"]).size()]
    note = sentences(
        "Small points: one seed each.",
        seeds(counts, "bar"),
        f"Dashed: mean of {BASELINE}, which has no {heading(field)}." if idle else "",
        unseen(outside),
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, title, rowed, note)
    return Drawing(figure, title, caption, note)


def _panels(results: Results, field: str, trials: pd.DataFrame) -> list[Panel]:
    """Return a panel for each combination of the other fields that has several of its values."""
    by = panel_fields(results)
    if field not in by:
        return []
    others = [name for name in by if name != field]
    combinations = panels(results, spread(results, trials, others), others)
    return [panel for panel in combinations if panel.rows[field].nunique() > 1]


def view(rows: pd.DataFrame, field: str, measure: Measure) -> tuple[float, float]:
    """Return limits in percent or points for the seeds of completed trials and most intervals.

    Cells whose means lie further than `_AFAR` times the range of the middle means from these do
    not count, because they would leave no room for the differences between the others.
    """
    valued = rows if measure.dense else rows[rows["method"] != BASELINE]
    valued = valued.dropna(subset=measure.value)
    if valued.empty:
        return 0, 1
    cells = grouped(completed(valued), [field, "method"], measure.value)
    numbers = ["mean", "low", "high", "least", "most"]
    cells[numbers] *= 100
    aside = max(1, len(cells) // 5) if len(cells) > 3 else 0
    middle = cells["mean"].sort_values().iloc[aside : len(cells) - aside]
    reach = _AFAR * max(middle.max() - middle.min(), 1)
    near = cells[cells["mean"].between(middle.min() - reach, middle.max() + reach)]
    least, most = near["least"].min(), near["most"].max()
    # Intervals of two seeds are wide; they widen the view at most by the range of the seeds.
    room = max(most - least, 1)
    low = min(least, max(near["low"].min(), least - room)) if near["low"].notna().any() else least
    high = max(most, min(near["high"].max(), most + room)) if near["high"].notna().any() else most
    if measure.whole:
        low, high = min(low, 0), max(high, 0)
    low, high = limits(low, high)
    if measure == CHANGED:
        return 0, high
    return (low, high) if measure == DIFFERENCE else (max(low, -1.0), min(high, 101.0))


def draw_rows(
    axes: Axes,
    rows: pd.DataFrame,
    field: str,
    categories: Sequence[Hashable],
    looks: dict[str, Look],
    measure: Measure,
) -> Outside:
    """Draw a measure in a panel and return what its view leaves out.

    Args:
        axes: the panel's axes; their horizontal limits stay.
        rows: a row per trial with the field, the method and the measure.
        field: the column whose values are the categories.
        categories: from top to bottom.
        looks: the methods with their looks.
        measure: the measure.
    """
    step = _FILLED / len(looks)
    means = grouped(rows, [field, "method"], measure.value)
    points = bars = seeds_drawn = 0
    for place, category in enumerate(categories):
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", lw=0, zorder=0)
        for slot, (method, look) in enumerate(looks.items()):
            if method == BASELINE and not measure.dense:
                continue
            at = place + step * (slot - (len(looks) - 1) / 2)
            chosen = (rows[field] == category) & (rows["method"] == method)
            values = rows.loc[chosen, measure.value] * 100
            inside, outside = _draw_seeds(axes, values, at - _SEEDS * step, look)
            points, seeds_drawn = points + outside, seeds_drawn + inside + outside
            mean = means[(means[field] == category) & (means["method"] == method)]
            for _, row in mean.dropna(subset="mean").iterrows():
                bars += _draw_mean(axes, row, at + _MEAN * step, look)
    if measure == DIFFERENCE:
        axes.axvline(0, color="#333333", lw=0.9, zorder=0.8)
    axes.set_ylim(len(categories) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    return Outside(points, bars, 0, seeds_drawn)


def _draw_level(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the mean of dense training as a line across all categories."""
    mean = rows.loc[rows["method"] == BASELINE, ACCURACY.value].mean() * 100
    axes.axvline(mean, color="#333333", lw=1, ls=(0, (4, 3)))


def _draw_seeds(axes: Axes, values: pd.Series, at: float, look: Look) -> tuple[int, int]:
    """Draw a point per seed in view; return how many seeds are in view and how many are not."""
    known = values.dropna()
    left, right = axes.get_xlim()
    inside = known[known.between(left, right)]
    axes.plot(inside, [at] * len(inside), "o", color=look.colour, ms=3.5, alpha=0.55, mew=0)
    return len(inside), len(known) - len(inside)


def _draw_mean(axes: Axes, row: pd.Series, at: float, look: Look) -> int:
    """Draw a mean with its interval; a mean out of view is a number with an arrow at the edge.

    Returns:
        How many of the interval's ends lie out of view.
    """
    left, right = axes.get_xlim()
    mean, low, high = (float(row[name]) * 100 for name in ("mean", "low", "high"))
    if low < right and high > left:  # neither is nan
        axes.plot([max(low, left), min(high, right)], [at, at], color=look.colour, lw=1.6)
    if left <= mean <= right:
        axes.plot(mean, at, look.marker, color=look.colour, ms=6.5, mec="white", mew=0.6)
    for beyond, edge, mark in (
        (min(low, mean) < left, left, "<"),
        (max(high, mean) > right, right, ">"),
    ):
        if beyond:
            axes.plot(edge, at, mark, color=look.colour, ms=4, mew=0, clip_on=False, zorder=3)
    if not left <= mean <= right:
        under = mean < left
        axes.annotate(
            f"mean {number(mean, 1)}",
            (left if under else right, at),
            (6 if under else -6, 0),
            textcoords="offset points",
            color="#333333",
            size=7.5,
            va="center",
            ha="left" if under else "right",
        )
    return int(low < left) + int(high > right)
