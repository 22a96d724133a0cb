"""Softsign: x / (1 + |x|)."""

from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """Return x / (1 + |x|), elementwise."""
    return x / (1 + x.abs())


def activate_(x: Tensor) -> Tensor:
    """Apply the activation in place."""
    return x.div_(1 + x.abs())


def backward_(gradient: Tensor, output: Tensor) -> Tensor:
    """Turn dL/doutput into dL/dx, in place: the derivative is (1 - |output|)^2."""
    return gradient.mul_((1 - output.abs()).square())
