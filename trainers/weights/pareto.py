"""Pareto magnitudes (an extension): the tail falls as a power, mean square 2 / fan_in.

(1 - u)^(-1 / alpha) is at least 1 and has the mean square alpha / (alpha - 2); a factor makes that
2 / fan_in. The smaller alpha, the heavier the tail; ``pareto(alpha=5)`` has a lighter one.
"""

import math

from torch import Tensor

EXAMPLES = ("pareto", "pareto(alpha=5)")
PARAMETERS = {"alpha": (3.0, 2.1, 100.0)}


def magnitude(uniform: Tensor, fan_in: int, fan_out: int, *, alpha: float) -> Tensor:
    """Return (1 - u)^(-1 / alpha) sqrt(2 / fan_in) sqrt((alpha - 2) / alpha), float64."""
    return (1 - uniform) ** (-1 / alpha) * math.sqrt(2 / fan_in * (alpha - 2) / alpha)
