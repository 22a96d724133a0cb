"""Zero-mean skewed weights (an extension): (Exp(1) - 1) sqrt(2 / fan_in), mean square 2 / fan_in.

63% of the weights are negative and small, 37% positive, a few of them large. Mean and variance are
those of he-normal. So it shows the effect of skew alone, while a fraction of positive signs other
than one half also shifts the mean. The signs come with the draw.
"""

import math

import torch
from torch import Tensor

REFUSES = ("positive_fraction",)


def signed(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return (Exp(1) - 1) sqrt(2 / fan_in), float64, the shape of ``uniform``."""
    return (-torch.log1p(-uniform) - 1) * math.sqrt(2 / fan_in)
