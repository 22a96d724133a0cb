"""Binary weights (the paper's): every weight is +1 or -1, with no scale.

``binary(scaled)`` multiplies the output of each layer by sqrt(2 / fan_in) in the forward pass. For
methods that train connections it equals he-constant to the bit. Without biases and with ReLU the
factors could be combined into one factor on the input, as in the official code.
"""

import math

import torch
from torch import Tensor

EXAMPLES = ("binary", "binary(scaled)")
PARAMETERS = {"scaled": (False,)}


def magnitude(uniform: Tensor, fan_in: int, fan_out: int, *, scaled: bool) -> Tensor:
    """Return the constant 1, float64, the shape of ``uniform``."""
    return torch.ones_like(uniform)


def scale(fan_in: int, fan_out: int, *, scaled: bool) -> float:
    """Return the factor on a layer's output: sqrt(2 / fan_in), or 1 if not ``scaled``."""
    return math.sqrt(2 / fan_in) if scaled else 1.0
