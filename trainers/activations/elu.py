"""Exponential linear unit, alpha 1 (Clevert et al. 2016, arXiv:1511.07289); in the paper's code."""

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

_elu_backward = torch.ops.aten.elu_backward.grad_input


def activation(x: Tensor) -> Tensor:
    """Return x where x > 0, else exp(x) - 1, elementwise."""
    return F.elu(x)


def activate_(x: Tensor) -> Tensor:
    """Apply the activation, in place."""
    return F.elu_(x)


def backward_(gradient: Tensor, output: Tensor) -> Tensor:
    """Turn dL/doutput into dL/dx, in place, elementwise."""
    _elu_backward(gradient, 1.0, 1.0, 1.0, True, output, grad_input=gradient)
    return gradient
