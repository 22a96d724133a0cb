"""The power of the non-inferiority t test, and the number of seeds that it needs.

The deviation is that of a pilot's *paired* differences. It is an estimate, and the number of seeds
grows with its square: one in ten pilots of five seeds finds about half of the true deviation or
less.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.checks import fraction, not_negative


def power(
    deviation: float, n: int, margin: float, difference: float = 0.0, level: float = 0.95
) -> float:
    """Return the probability that `paired.noninferiority` of n seeds has a p-value <= 1 - level.

    The tail of the noncentral t distribution with n - 1 degrees of freedom and noncentrality
    (difference + margin) * sqrt(n) / deviation (e.g. Julious 2004, doi:10.1002/sim.1783).

    Args:
        deviation: standard deviation of the paired differences.
        n: number of seeds.
        margin: at least 0, in the unit of the deviation.
        difference: the assumed true mean difference, arm minus reference.
        level: 1 - alpha, a fraction.

    Returns:
        A probability; nan for fewer than two seeds and for a deviation of 0 or nan.

    Raises:
        ValueError: if the deviation or the margin is negative or the level is not a fraction.
    """
    return float(_power(deviation, np.array([n]), margin, difference, level)[0])


def seeds_needed(
    deviation: float,
    margin: float,
    power: float = 0.8,
    difference: float = 0.0,
    level: float = 0.95,
    most: int = 1000,
) -> int | None:
    """Return the smallest number of seeds with this power.

    Args:
        deviation: standard deviation of a pilot's paired differences.
        margin: at least 0, in the unit of the deviation.
        power: the desired power, a fraction.
        difference: the assumed true mean difference; at -margin or below, more seeds do not help.
        level: 1 - alpha, a fraction.
        most: the largest number of seeds to consider.

    Returns:
        At least 2; None if `most` seeds are not enough and for a deviation of 0 or nan.

    Raises:
        ValueError: as `power`, and if the power is not a fraction.
    """
    fraction(power, "power")
    sizes = np.arange(2, most + 1)
    enough = np.flatnonzero(_power(deviation, sizes, margin, difference, level) >= power)
    return int(sizes[enough[0]]) if enough.size else None


def _power(
    deviation: float, n: NDArray[np.int64], margin: float, difference: float, level: float
) -> NDArray[np.float64]:
    fraction(level, "level")
    not_negative(margin, "margin")
    if deviation < 0 or math.isinf(deviation):
        raise ValueError(f"deviation must be a number of at least 0, not {deviation}")
    if not (deviation > 0 and math.isfinite(difference)):
        return np.full(n.shape, np.nan)
    freedom = np.where(n < 2, np.nan, n - 1.0)
    shift = (difference + margin) / deviation * np.sqrt(n.clip(0))
    return np.asarray(stats.nct.sf(stats.t.ppf(level, freedom), freedom, shift), np.float64)
