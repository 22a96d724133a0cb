"""He-normal as Keras draws it: a normal cut off at two sigma, std corrected (the paper's).

He et al. (2015, arXiv:1502.01852), equation 10, for the standard deviation sqrt(2 / fan_in).
"""

import math

import torch
from torch import Tensor

#: Standard deviation of a standard normal cut off at -2 and 2 (Keras's constant).
_CUT_STD = 0.87962566103423978
#: Probability that a standard normal lies between 0 and 2.
_HALF = 0.5 * math.erf(2 / math.sqrt(2))


def cut_normal(uniform: Tensor, std: float) -> Tensor:
    """Return |z| std / 0.8796, float64, z normal within two sigma; its deviation is ``std``."""
    half_normal: Tensor = torch.special.ndtri(0.5 + _HALF * uniform)
    return half_normal * (std / _CUT_STD)


def magnitude(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return |normal| within two sigma, standard deviation sqrt(2 / fan_in)."""
    return cut_normal(uniform, math.sqrt(2 / fan_in))
