"""Rectified linear unit, the paper's activation."""

import torch
from torch import Tensor

RISING = True

_threshold_backward = torch.ops.aten.threshold_backward.grad_input


def activation(x: Tensor) -> Tensor:
    """Return max(x, 0), elementwise."""
    return x.relu()


def activate_(x: Tensor) -> Tensor:
    """Apply the activation, in place."""
    return torch.relu_(x)


def backward_(gradient: Tensor, output: Tensor) -> Tensor:
    """Turn dL/doutput into dL/dx, in place, elementwise."""
    _threshold_backward(gradient, output, 0.0, grad_input=gradient)
    return gradient
