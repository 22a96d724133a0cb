"""Glorot-normal as Keras draws it: a normal cut off at two sigma, std corrected (the paper's).

Glorot & Bengio (2010), equation 12, for the standard deviation sqrt(2 / (fan_in + fan_out)).
"""

import math

from torch import Tensor

from trainers.weights.he_normal import cut_normal


def magnitude(uniform: Tensor, fan_in: int, fan_out: int) -> Tensor:
    """Return |normal| within two sigma, standard deviation sqrt(2 / (fan_in + fan_out))."""
    return cut_normal(uniform, math.sqrt(2 / (fan_in + fan_out)))
