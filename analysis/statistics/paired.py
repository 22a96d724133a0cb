"""The t interval and the one-sided t tests of paired differences, one value per seed.

All are about the mean of independent values, here differences between two trials of the same seed,
in the unit of the values (accuracies: fractions). They are exact for normal values; for other
values they improve with the number of seeds. `analysis.statistics.permutation` does not need
normality.

Equal values give nan, neither an interval nor a p-value. With few test images and few seeds, equal
differences are likely, and their deviation of 0 would make any mean certain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis.statistics.checks import fraction, not_negative, varied, vector


@dataclass(frozen=True)
class Interval:
    """A mean and its interval, in the unit of the values.

    Attributes:
        mean: the mean, or another estimated statistic; nan without values.
        low: lower bound, nan if the values allow none.
        high: upper bound, nan if the values allow none.
        n: number of values, or of seeds.
    """

    mean: float
    low: float
    high: float
    n: int


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the mean with its two-sided t interval, mean +- t(n - 1) * s / sqrt(n).

    A one-sided bound at 0.95 is the bound of the two-sided interval at 0.90.

    Args:
        values: [n], one per seed. With a value that is not finite there is no interval: the caller
            decides what counts for a trial without accuracy, and nothing is silently dropped.
        level: the interval's coverage, a fraction.

    Returns:
        The interval; its bounds are nan for fewer than two values and for equal ones.

    Raises:
        ValueError: if the values are not one-dimensional or the level is not a fraction.
    """
    fraction(level, "level")
    array = vector(values)
    mean = float(array.mean()) if array.size else np.nan
    if not varied(array):
        return Interval(mean, np.nan, np.nan, array.size)
    low, high = stats.t.interval(level, array.size - 1, mean, stats.sem(array))
    return Interval(mean, float(low), float(high), array.size)


def greater(values: ArrayLike, bound: float) -> float:
    """Return the p-value of "the mean is greater than `bound`", by scipy's one-sided t test.

    Args:
        values: [n], one per seed.
        bound: in the unit of the values.

    Returns:
        A small p-value speaks for the claim; nan for fewer than two values, for values that are
        not finite and for equal values.

    Raises:
        ValueError: if the values are not one-dimensional.
    """
    array = vector(values)
    if not varied(array):
        return np.nan
    return float(stats.ttest_1samp(array, bound, alternative="greater").pvalue)


def noninferiority(differences: ArrayLike, margin: float) -> float:
    """Return the p-value of "worse by less than `margin`, or not at all": mean > -margin.

    Args:
        differences: [n], arm minus reference, positive where the arm is better.
        margin: at least 0; with 0 this is the test of superiority.

    Returns:
        As `greater`. It is below alpha if the interval at level 1 - 2 alpha lies above -margin.

    Raises:
        ValueError: if the differences are not one-dimensional or the margin is negative.
    """
    not_negative(margin, "margin")
    return greater(differences, -margin)


def inferiority(differences: ArrayLike, margin: float) -> float:
    """Return the p-value of "worse by more than `margin`": mean < -margin.

    It refutes non-inferiority.

    Args, returns and errors are those of `noninferiority`; the two p-values sum to 1.
    """
    not_negative(margin, "margin")
    return greater(-vector(differences), margin)


def tost(differences: ArrayLike, margin: float) -> float:
    """Return the p-value of "equivalent within +-margin": the larger of two one-sided t tests.

    Schuirmann 1987. Each test is scipy's. statsmodels' `ttost_paired` gives the same number (a test
    compares them), but its import takes most of a second.

    Args:
        differences: [n], arm minus reference.
        margin: at least 0, in the unit of the differences.

    Returns:
        As `greater`. It is below alpha if the interval at level 1 - 2 alpha lies within the margin.

    Raises:
        ValueError: if the differences are not one-dimensional or the margin is negative.
    """
    array = vector(differences)
    # If one of the two is nan, both are.
    return max(noninferiority(array, margin), noninferiority(-array, margin))
