"""Elu-constant: every weight is +sqrt(3 / fan_in) or -sqrt(3 / fan_in), for the activation elu.

Koster et al. (2022, arXiv:2201.13361), for signed supermasks: he-constant times sqrt(1.5).
"""

import math

import torch
from torch import Tensor


def magnitude(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return the constant sqrt(3 / fan_in), float64, the shape of ``uniform``."""
    return torch.full_like(uniform, math.sqrt(3 / fan_in))
