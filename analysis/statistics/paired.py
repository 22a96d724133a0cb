"""The t interval and the one-sided t tests of paired differences, one value per seed.

All are about the mean of independent values, here differences between two trials of the same seed,
in the unit of the values (accuracies: fractions). They are exact for normal values; for other
values they improve with the number of seeds. `analysis.statistics.permutation` does not need
normality.

Equal values give nan, neither an interval nor a p-value. With few test images and few seeds, equal
differences are likely, and their deviation of 0 would make any mean certain.

The distribution functions are those of `scipy.special`, because `scipy.stats` takes more than a
second to import; tests compare with it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

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


@dataclass(frozen=True)
class Estimate:
    """An estimated mean with its standard error: everything that intervals and tests need.

    Attributes:
        mean: the mean, in the unit of the values; nan without values.
        error: its standard error, above 0; nan if the values allow none.
        freedom: degrees of freedom of the error; infinite for a normal distribution.
        n: number of values, or of seeds.
    """

    mean: float
    error: float
    freedom: float
    n: int

    def interval(self, level: float = 0.95) -> Interval:
        """Return the two-sided interval; its bounds are nan without a standard error.

        Args:
            level: the interval's coverage, a fraction.

        Raises:
            ValueError: if the level is not a fraction.
        """
        fraction(level, "level")
        half = float(special.stdtrit(min(self.freedom, _NORMAL), (1 + level) / 2)) * self.error
        return Interval(self.mean, self.mean - half, self.mean + half, self.n)

    def greater(self, bound: float) -> float:
        """Return the p-value of "the mean is greater than `bound`"; nan without an error."""
        return self._tail(bound - self.mean)

    def less(self, bound: float) -> float:
        """Return the p-value of "the mean is less than `bound`"; nan without an error."""
        return self._tail(self.mean - bound)

    def _tail(self, distance: float) -> float:
        if math.isnan(self.error) or math.isnan(distance):
            return math.nan
        return float(special.stdtr(min(self.freedom, _NORMAL), distance / self.error))


#: Degrees of freedom from which the t distribution is the normal one in float64.
_NORMAL = 1e10


def of_values(values: ArrayLike) -> Estimate:
    """Return the mean of values with its standard error s / sqrt(n) and n - 1 degrees of freedom.

    Args:
        values: [n], one per seed. With a value that is not finite there is no error: the caller
            decides what counts for a trial without accuracy, and nothing is silently dropped.

    Returns:
        The estimate; its error is nan for fewer than two values and for equal ones.

    Raises:
        ValueError: if the values are not one-dimensional.
    """
    array = vector(values)
    mean = float(array.mean()) if array.size else np.nan
    if not varied(array):
        return Estimate(mean, np.nan, max(array.size - 1.0, 1.0), array.size)
    error = float(array.std(ddof=1)) / math.sqrt(array.size)
    return Estimate(mean, error, array.size - 1.0, array.size)


def t_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Return the mean with its two-sided t interval, mean +- t(n - 1) * s / sqrt(n).

    A one-sided bound at 0.95 is the bound of the two-sided interval at 0.90. Args and errors are
    those of `of_values` and `Estimate.interval`.
    """
    return of_values(values).interval(level)


def tost(differences: ArrayLike, margin: float) -> float:
    """Return the p-value of "equivalent within +-margin": the larger of two one-sided t tests.

    Schuirmann 1987; a test compares with statsmodels' `ttost_paired`.

    Args:
        differences: [n], arm minus reference.
        margin: at least 0, in the unit of the differences.

    Returns:
        A small p-value speaks for equivalence: it is below alpha if the interval at level
        1 - 2 alpha lies within the margin. It is nan if the values allow no standard error.

    Raises:
        ValueError: if the differences are not one-dimensional or the margin is negative.
    """
    not_negative(margin, "margin")
    estimate = of_values(differences)
    # If one of the two is nan, both are.
    return max(estimate.greater(-margin), estimate.less(margin))
