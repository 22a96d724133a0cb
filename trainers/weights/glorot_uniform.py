"""Glorot-uniform (an extension): between -l and l, l = sqrt(6 / (fan_in + fan_out)).

Glorot & Bengio (2010), equation 16: the mean square is 2 / (fan_in + fan_out).
"""

import math

from torch import Tensor


def magnitude(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return uniform magnitudes from 0 to sqrt(6 / (fan_in + fan_out)), float64."""
    return uniform * math.sqrt(6 / (fan_in + fan_out))
