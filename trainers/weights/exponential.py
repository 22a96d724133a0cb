"""Exponential magnitudes (an extension), mean square 2 / fan_in: many small, few large weights."""

import math

import torch
from torch import Tensor


def magnitude(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return Exp(1) sqrt(1 / fan_in), float64; the mean square of Exp(1) is 2."""
    return -torch.log1p(-uniform) * math.sqrt(1 / fan_in)
