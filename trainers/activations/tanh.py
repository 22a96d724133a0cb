"""Hyperbolic tangent; an extension."""

from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """tanh(x), elementwise."""
    return x.tanh()
