"""Logistic sigmoid; in the paper's code."""

from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), elementwise."""
    return x.sigmoid()
