"""Log-normal magnitudes (an extension): exp(sigma z), z standard normal, mean square 2 / fan_in.

``lognormal`` has sigma 1, ``lognormal(sigma=0.5)`` another; he-constant is the limit sigma = 0.
"""

import math

import torch
from torch import Tensor

EXAMPLES = ("lognormal", "lognormal(sigma=0.5)")
PARAMETERS = {"sigma": (1.0, 0.01, 5.0)}


def magnitude(uniform: Tensor, fan_in: int, fan_out: int, *, sigma: float) -> Tensor:
    """exp(sigma z - sigma^2) sqrt(2 / fan_in), float64: E[exp(2 sigma z)] is exp(2 sigma^2)."""
    normal = torch.special.ndtri(uniform)
    return torch.exp(sigma * normal - sigma**2) * math.sqrt(2 / fan_in)
