"""Log-normal magnitudes (an extension): exp(sigma z), z standard normal, mean square 2 / fan_in.

``lognormal`` has sigma 1, ``lognormal(sigma=0.5)`` has sigma 0.5; he-constant is the limit of 0.
"""

import math

import torch
from torch import Tensor

EXAMPLES = ("lognormal", "lognormal(sigma=0.5)")
PARAMETERS = {"sigma": (1.0, 0.01, 5.0)}


def magnitude(uniform: Tensor, fan_in: int, fan_out: int, *, sigma: float) -> Tensor:
    """Return exp(sigma z - sigma^2) sqrt(2 / fan_in), float64.

    The mean square is 2 / fan_in, because E[exp(2 sigma z)] = exp(2 sigma^2).
    """
    normal = torch.special.ndtri(uniform)
    return torch.exp(sigma * normal - sigma**2) * math.sqrt(2 / fan_in)
