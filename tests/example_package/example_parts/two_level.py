"""Magnitudes of two sizes, half of each, the larger ``ratio`` times the smaller one."""

import math

import torch
from torch import Tensor

EXAMPLES = ("two-level", "two-level(ratio=9)")
PARAMETERS = {"ratio": (3.0, 1.0, 1e3)}  # default, least, greatest


def magnitude(uniform: Tensor, fan_in: int, fan_out: int, *, ratio: float) -> Tensor:
    """Float64, the shape of ``uniform``; the mean square is 2 / fan_in, as in other families."""
    small = math.sqrt(2 / fan_in) / math.sqrt((1 + ratio**2) / 2)
    return torch.where(uniform < 0.5, small, ratio * small).to(torch.float64)
