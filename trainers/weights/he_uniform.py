"""He-uniform (an extension): uniform between -sqrt(6 / fan_in) and sqrt(6 / fan_in).

He et al. (2015, arXiv:1502.01852), equation 10, for the mean square 2 / fan_in.
"""

import math

from torch import Tensor


def magnitude(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return uniform magnitudes from 0 to sqrt(6 / fan_in), float64."""
    return uniform * math.sqrt(6 / fan_in)
