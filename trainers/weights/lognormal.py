"""Log-normal magnitudes (an extension): exp(sigma z), z standard normal, mean square 2 / fan_in.

``lognormal`` has sigma 1, ``lognormal(sigma=0.5)`` has sigma 0.5; he-constant is the limit of 0.

The mean square is that of the distribution. With a heavy tail a few draws decide that of a layer:
in a layer of 1,000 weights it is 0.7 to 2 times the nominal one at sigma 1, and 0.1 to 21 times at
sigma 2 (the extremes of 100 seeds), so that scale differs as well as shape.
``lognormal(normalised,sigma=2)`` scales each layer to the nominal mean square as it is drawn.
"""

import math

import torch
from torch import Tensor

from trainers.weights._normalised import normalised as scaled

EXAMPLES = ("lognormal", "lognormal(sigma=0.5)", "lognormal(normalised)")
PARAMETERS = {"sigma": (1.0, 0.01, 5.0), "normalised": (False,)}


def magnitude(
    uniform: Tensor, fan_in: int, fan_out: int, *, sigma: float, normalised: bool
) -> Tensor:
    """Return exp(sigma z - sigma^2) sqrt(2 / fan_in), float64.

    The mean square is 2 / fan_in, because E[exp(2 sigma z)] = exp(2 sigma^2).
    """
    normal = torch.special.ndtri(uniform)
    drawn = torch.exp(sigma * normal - sigma**2) * math.sqrt(2 / fan_in)
    return scaled(drawn, fan_in) if normalised else drawn
