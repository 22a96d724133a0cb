"""Logistic sigmoid; in the paper's code."""

import torch
from torch import Tensor

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


def activation(x: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-x)), elementwise."""
    return x.sigmoid()


def activate_(x: Tensor) -> Tensor:
    """Apply the activation, in place."""
    return x.sigmoid_()


def backward_(gradient: Tensor, output: Tensor) -> Tensor:
    """Turn dL/doutput into dL/dx, in place, elementwise."""
    _sigmoid_backward(gradient, output, grad_input=gradient)
    return gradient
