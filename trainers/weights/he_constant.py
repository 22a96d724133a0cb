"""He-constant (the paper's): every weight is +sqrt(2 / fan_in) or -sqrt(2 / fan_in).

arXiv:2006.16627, section 4.
"""

import math

import torch
from torch import Tensor


def magnitude(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return the constant sqrt(2 / fan_in), float64, the shape of ``uniform``."""
    return torch.full_like(uniform, math.sqrt(2 / fan_in))
