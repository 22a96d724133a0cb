"""Pareto magnitudes (an extension): tails that fall as a power, mean square 2 / fan_in.

The magnitudes are (1 - u)^(-1 / alpha), at least 1, with the mean square alpha / (alpha - 2), times
what makes that 2 / fan_in. The smaller alpha, the heavier the tail; ``pareto(alpha=5)`` is lighter.
"""

import math

from torch import Tensor

EXAMPLES = ("pareto", "pareto(alpha=5)")
PARAMETERS = {"alpha": (3.0, 2.1, 100.0)}


def magnitude(uniform: Tensor, fan_in: int, fan_out: int, *, alpha: float) -> Tensor:
    """(1 - u)^(-1 / alpha) sqrt(2 / fan_in) sqrt((alpha - 2) / alpha), float64."""
    return (1 - uniform) ** (-1 / alpha) * math.sqrt(2 / fan_in * (alpha - 2) / alpha)
