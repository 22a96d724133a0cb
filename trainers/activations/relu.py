"""Rectified linear unit, the paper's activation."""

from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """max(x, 0), elementwise."""
    return x.relu()
