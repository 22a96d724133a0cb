"""The difference that a number of seeds can detect, before there are results."""

import math
from functools import lru_cache

from scipy import optimize

from analysis.statistics.checks import fraction
from analysis.statistics.power import power as power_of

#: The largest distance that is tried, in standard deviations.
_FARTHEST = 1000.0


@lru_cache
def effect(n: int, power: float = 0.8, level: float = 0.95) -> float:
    """Return the distance from the bound that n seeds detect with this power.

    The distance is in standard deviations of the paired differences; the t test is that of
    `power.power`. With a margin m and no true difference, n seeds suffice up to a standard
    deviation of m / effect.

    Args:
        n: number of seeds.
        power: the desired power, a fraction.
        level: 1 - alpha, a fraction.

    Returns:
        Above 0; infinite for fewer than two seeds.

    Raises:
        ValueError: if the power or the level is not a fraction.
    """
    fraction(power, "power")
    fraction(level, "level")
    if n < 2:
        return math.inf

    def lacking(distance: float) -> float:
        return power_of(1.0, n, distance, level=level) - power

    return float(optimize.brentq(lacking, 0.0, _FARTHEST)) if power > 1 - level else 0.0
