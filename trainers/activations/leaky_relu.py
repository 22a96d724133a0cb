"""Leaky ReLU, slope 0.01 below zero (Maas et al. 2013); an extension."""

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input


def activation(x: Tensor) -> Tensor:
    """Return x where x > 0, else 0.01 x, elementwise."""
    return F.leaky_relu(x)


def activate_(x: Tensor) -> Tensor:
    """Apply the activation, in place."""
    return F.leaky_relu_(x)


def backward_(gradient: Tensor, output: Tensor) -> Tensor:
    """Turn dL/doutput into dL/dx, in place, elementwise."""
    _leaky_relu_backward(gradient, output, 0.01, True, grad_input=gradient)
    return gradient
