"""Magnitudes of two sizes, half of each; the larger is ``ratio`` times the smaller."""

import math

import torch
from torch import Tensor

EXAMPLES = ("two-level", "two-level(ratio=9)")
PARAMETERS = {"ratio": (3.0, 1.0, 1e3)}  # default, minimum, maximum


def magnitude(uniform: Tensor, fan_in: int, fan_out: int, *, ratio: float) -> Tensor:
    """Return float64 magnitudes of the shape of ``uniform``, with mean square 2 / fan_in."""
    small = math.sqrt(2 / fan_in) / math.sqrt((1 + ratio**2) / 2)
    return torch.where(uniform < 0.5, small, ratio * small).to(torch.float64)
