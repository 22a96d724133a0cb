"""The power of non-inferiority t tests, one alone or several together, and the seeds they need.

The deviation is that of a pilot's *paired* differences. It is an estimate, and the number of seeds
grows with its square: one in ten pilots of five seeds finds about half of the true deviation or
less.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis.statistics.checks import fraction, not_negative

#: 1 - alpha of the tests.
_LEVEL = 0.95


def power(
    deviation: float, n: int, margin: float, difference: float = 0.0, level: float = _LEVEL
) -> float:
    """Return the probability that n seeds show a mean above -margin with a p-value <= 1 - level.

    The p-value is that of `paired.Estimate.greater`: the test of non-inferiority.
    The probability is the tail of the noncentral t distribution with n - 1 degrees of freedom and
    noncentrality (difference + margin) * sqrt(n) / deviation (e.g. Julious 2004,
    doi:10.1002/sim.1783).

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


def joint_power(
    deviation: float,
    n: int,
    margin: float,
    comparisons: int,
    difference: float = 0.0,
) -> float:
    """Return the probability that all of several comparisons pass, each as in `power` at 0.95.

    The comparisons share one side, such as threshold-free training against every density. Its noise
    is common to all of them, so with equal noise on both sides the differences are correlated by
    one half. Measured on `DRAWS` simulated studies with a fixed seed; one comparison is exact.

    Args:
        deviation: standard deviation of the paired differences, the same in every comparison.
        n: number of seeds.
        margin: at least 0, in the unit of the deviation.
        comparisons: how many must pass, at least 1.
        difference: the assumed true mean difference in every comparison.

    Returns:
        A probability; nan for fewer than two seeds and for a deviation of 0 or nan.

    Raises:
        ValueError: as `power`.
    """
    alone = power(deviation, n, margin, difference)
    if comparisons == 1 or math.isnan(alone):
        return alone
    distance = (difference + margin) / deviation
    return float((_distances(n, comparisons) < distance).mean())


def detectable(n: int, power: float = 0.8, comparisons: int = 1) -> float:
    """Return the distance from the bound that n seeds detect with this power at the level 0.95.

    The distance is in standard deviations of the paired differences. With a margin m and no true
    difference, n seeds suffice up to a standard deviation of m / distance.

    Args:
        n: number of seeds.
        power: the desired power, a fraction.
        comparisons: how many comparisons must all pass, as in `joint_power`.

    Returns:
        At least 0; infinite for fewer than two seeds.

    Raises:
        ValueError: if the power is not a fraction.
    """
    fraction(power, "power")
    if n < 2:
        return math.inf
    if comparisons > 1:
        return max(0.0, float(np.quantile(_distances(n, comparisons), power)))
    if power <= 1 - _LEVEL:
        return 0.0
    critical = special.stdtrit(n - 1, _LEVEL)
    return float(special.nctdtrinc(n - 1, 1 - power, critical)) / math.sqrt(n)


#: Simulated studies behind the power of several comparisons, and the seed of the simulation.
DRAWS, SEED = 10_000, 20_200_616


@lru_cache(maxsize=64)
def _distances(n: int, comparisons: int) -> NDArray[np.float64]:
    """Return for each simulated study the distance at which all of its comparisons just pass.

    A comparison passes if mean + distance > t * s / sqrt(n); means and deviations are those of
    standard normal differences that are correlated by one half.
    """
    generator = np.random.Generator(np.random.PCG64(SEED))
    critical = float(special.stdtrit(n - 1, _LEVEL)) / math.sqrt(n)
    distances = []
    rows = max(1, 2**20 // (n * comparisons))
    for start in range(0, DRAWS, rows):
        count = min(rows, DRAWS - start)
        common = generator.standard_normal((count, 1, n))
        apart = generator.standard_normal((count, comparisons, n))
        differences = (apart - common) / math.sqrt(2)
        bounds = critical * differences.std(axis=2, ddof=1) - differences.mean(axis=2)
        distances.append(bounds.max(axis=1))
    return np.concatenate(distances)


def seeds_needed(
    deviation: float,
    margin: float,
    power: float = 0.8,
    difference: float = 0.0,
    most: int = 1000,
) -> int | None:
    """Return the smallest number of seeds with this power at the level 0.95.

    Args:
        deviation: standard deviation of a pilot's paired differences.
        margin: at least 0, in the unit of the deviation.
        power: the desired power, a fraction.
        difference: the assumed true mean difference; at -margin or below, more seeds do not help.
        most: the largest number of seeds to consider.

    Returns:
        At least 2; None if `most` seeds are not enough and for a deviation of 0 or nan.

    Raises:
        ValueError: as `power`, and if the power is not a fraction.
    """
    fraction(power, "power")
    for first, last in ((2, min(most, _FEW)), (_FEW + 1, most)):  # few are usually enough
        sizes = np.arange(first, last + 1)
        enough = np.flatnonzero(_power(deviation, sizes, margin, difference, _LEVEL) >= power)
        if enough.size:
            return int(sizes[enough[0]])
    return None


#: So many seeds are tried before larger numbers.
_FEW = 60


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
    critical = special.stdtrit(freedom, level)
    powers = 1 - special.nctdtr(freedom, shift, critical)
    # Far out, where the power is 0 or 1, scipy's function gives nan.
    far = np.isnan(powers) & ~np.isnan(shift + freedom)
    return np.asarray(np.where(far, shift > 0, powers), np.float64)
