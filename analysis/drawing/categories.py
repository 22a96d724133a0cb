"""Categories below each other, in each the methods side by side: two measures per setting."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from analysis.cells import BASELINE, METHOD_ONLY, heading, ordered, settings, shown, spread
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    Panel,
    completed,
    finish,
    limits,
    lost,
    methods_of,
    panels,
    seeds,
    sentences,
)
from analysis.drawing.points import Outside, unseen
from analysis.drawing.side_by_side import Side, side_by_side
from analysis.drawing.style import Look
from analysis.estimates import grouped
from analysis.numbers import number
from analysis.tables import Results

#: Of the height of a category the part that its methods take.
_FILLED = 0.84
#: Of the height of a method how far its seeds lie above and its mean below the middle.
_SEEDS, _MEAN = 0.22, 0.14
#: What lies further from the middle of the means than so many times its width is left outside.
_AFAR = 6


@dataclass(frozen=True)
class Measure:
    """What is drawn of each trial.

    Attributes:
        value: a column with fractions.
        side: the title and the axis, in percent or points.
        whole: whether the axis holds zero, and all values.
        dense: whether dense training has it.
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
    """Draw final figures by a field's values: a point per seed, the mean, its interval.

    Dense training that does not read the field is a dashed line across all of its values.

    Args:
        results: the study.
        field: a field of trials; its values are the categories.
        title: the figure's.
        caption: what the values are.
        trials: the trials to show, with the measures.
        second: what stands beside the accuracy.

    Raises:
        NothingToDraw: nowhere are two values of the field compared.
    """
    trials = trials.dropna(subset=ACCURACY.value)
    told = _told(results, field, trials)
    if not told:
        raise NothingToDraw(f"No two values of {heading(field)} are compared.")
    rows = pd.concat([panel.rows for panel in told])  # without nan: a row is a value
    looks = methods_of(results, rows)
    idle = field in METHOD_ONLY and BASELINE in looks
    rowed = {name: look for name, look in looks.items() if not (idle and name == BASELINE)}
    categories = [value for value in ordered(results, field) if value in set(rows[field])]
    height = 0.75 + len(categories) * (0.12 + 0.19 * len(rowed))
    figure, placed, left_out = side_by_side(
        told, height, ACCURACY.side, second.side, same_across=False, same_up=True
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
        lost(results.trials),
        left_out,
    )
    finish(figure, title, rowed, note)
    return Drawing(figure, title, caption, note)


def _told(results: Results, field: str, trials: pd.DataFrame) -> list[Panel]:
    """A panel for each combination of the other settings that has several values of the field."""
    by = settings(results)
    if field not in by:
        return []
    others = [name for name in by if name != field]
    every = panels(results, spread(results, trials, others), others)
    return [panel for panel in every if panel.rows[field].nunique() > 1]


def view(rows: pd.DataFrame, field: str, measure: Measure) -> tuple[float, float]:
    """Limits in percent or points that hold the seeds of completed trials, and most intervals.

    A cell far away would press all others together: of those whose means lie beyond the middle of
    them by more than `_AFAR` times its width no account is taken.
    """
    of = (rows if measure.dense else rows[rows["method"] != BASELINE]).dropna(subset=measure.value)
    if of.empty:
        return 0, 1
    cells = grouped(completed(of), [field, "method"], measure.value)
    numbers = ["mean", "low", "high", "least", "most"]
    cells[numbers] *= 100
    aside = max(1, len(cells) // 5) if len(cells) > 3 else 0
    middle = cells["mean"].sort_values().iloc[aside : len(cells) - aside]
    reach = _AFAR * max(middle.max() - middle.min(), 1)
    near = cells[cells["mean"].between(middle.min() - reach, middle.max() + reach)]
    least, most = near["least"].min(), near["most"].max()
    # the intervals of two seeds are wide: no more of them than is shown of the seeds
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
    """Draw one measure of one setting; returns what its view leaves out.

    Args:
        axes: where to; its horizontal limits stay.
        rows: a row per trial with the field, method and the measure.
        field: the column whose values are the categories.
        categories: from top to bottom.
        looks: the methods and their looks.
        measure: what is drawn.
    """
    step = _FILLED / len(looks)
    means = grouped(rows, [field, "method"], measure.value)
    points = bars = of = 0
    for place, category in enumerate(categories):
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", lw=0, zorder=0)
        for slot, (method, look) in enumerate(looks.items()):
            if method == BASELINE and not measure.dense:
                continue
            at = place + step * (slot - (len(looks) - 1) / 2)
            chosen = (rows[field] == category) & (rows["method"] == method)
            own = rows.loc[chosen, measure.value] * 100
            seen, missed = _draw_seeds(axes, own, at - _SEEDS * step, look)
            points, of = points + missed, of + seen + missed
            mean = means[(means[field] == category) & (means["method"] == method)]
            for _, row in mean.dropna(subset="mean").iterrows():
                bars += _draw_mean(axes, row, at + _MEAN * step, look)
    if measure == DIFFERENCE:
        axes.axvline(0, color="#333333", lw=0.9, zorder=0.8)
    axes.set_ylim(len(categories) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    return Outside(points, bars, 0, of)


def _draw_level(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the mean of dense training, as accurate whatever the category."""
    mean = rows.loc[rows["method"] == BASELINE, ACCURACY.value].mean() * 100
    axes.axvline(mean, color="#333333", lw=1, ls=(0, (4, 3)))


def _draw_seeds(axes: Axes, values: pd.Series, at: float, look: Look) -> tuple[int, int]:
    """Draw a point per seed that is in view; returns how many are in it and how many are not."""
    known = values.dropna()
    left, right = axes.get_xlim()
    inside = known[known.between(left, right)]
    axes.plot(inside, [at] * len(inside), "o", color=look.colour, ms=3.5, alpha=0.55, mew=0)
    return len(inside), len(known) - len(inside)


def _draw_mean(axes: Axes, row: pd.Series, at: float, look: Look) -> int:
    """Draw a mean with its interval, or an arrow and a number at the edge beyond which it lies.

    Returns how many of the interval's ends lie outside.
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
