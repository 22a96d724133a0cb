"""Limits of axes: what a view shows, and what lies outside of it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.drawing.marks import Mark

Limits = tuple[float, float]

#: The ends of views of a fraction in percent. The interval of few seeds may reach beyond.
PERCENT: Limits = (-1.0, 101.0)
#: No ends.
ENDLESS: Limits = (-math.inf, math.inf)

#: A view reaches this far beyond the middle means, at least, in percent or points.
_LEAST_REACH = 2.0


@dataclass(frozen=True)
class Outside:
    """What a view leaves out.

    Attributes:
        seeds: number of seeds outside.
        means: number of means outside.
        ends: number of ends of intervals outside.
        equal: number of means whose seeds, two or more, all have the same value.
        of: number of seeds, in view or not.
    """

    seeds: int
    means: int
    ends: int
    equal: int
    of: int


def padded(low: float, high: float) -> Limits:
    """Return limits with some room around the values, which are in percent or points."""
    extra = max((high - low) * 0.06, 0.05)
    return low - extra, high + extra


def view(
    marks: Sequence[Mark],
    *,
    include: Iterable[float] = (),
    within: Limits = ENDLESS,
) -> Limits:
    """Return limits that show the seeds and the intervals of most marks.

    A few means far from all others, single seeds and the wide intervals of two seeds would leave
    no room for the differences between the rest. So a fifth of the means on either side is set
    aside if there are more than three, and the view reaches beyond the remaining ones at most by
    their range, by two points, or by a third of the range that it must hold. `outside` counts what
    it leaves out.

    Args:
        marks: what is drawn, in percent or points.
        include: further values that the view must hold, such as zero.
        within: the ends that the view never passes.
    """
    means = sorted(mark.mean for mark in marks if not math.isnan(mark.mean))
    values = [v for mark in marks for v in (*mark.seeds, mark.low, mark.mean, mark.high)]
    values = [value for value in values if not math.isnan(value)]
    if not means:
        return padded(*_ends([*include] or [0.0, 1.0]))
    aside = max(1, len(means) // 5) if len(means) > 3 else 0
    lower, upper = means[aside], means[len(means) - 1 - aside]
    core = _ends([lower, upper, *include])
    reach = max(upper - lower, _LEAST_REACH, (core[1] - core[0]) / 3)
    shown = [max(min(values), lower - reach), min(max(values), upper + reach), *include]
    low, high = padded(*_ends(shown))
    return max(low, within[0]), min(high, within[1])


def outside(marks: Iterable[Mark], limits: Limits) -> Outside:
    """Return what lies outside of some limits."""
    low, high = limits
    every = list(marks)
    seeds = [value for mark in every for value in mark.seeds]
    return Outside(
        seeds=sum(not low <= value <= high for value in seeds),
        means=sum(mark.mean < low or mark.mean > high for mark in every),
        ends=sum((mark.low < low) + (mark.high > high) for mark in every),
        equal=sum(mark.is_equal for mark in every),
        of=len(seeds),
    )


def completed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of completed trials; all rows if every trial is diverged or dead.

    Limits are set by completed trials, because one trial at chance would leave no room for the
    differences between the others. The figure says what lies outside.
    """
    sound = rows[rows["outcome"] == "completed"]
    return rows if sound.empty else sound


def _ends(values: Sequence[float]) -> Limits:
    return min(values), max(values)
