"""Leaky ReLU, slope 0.01 below zero (Maas et al. 2013); an extension."""

import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """x where x > 0, else 0.01 x, elementwise."""
    return F.leaky_relu(x)
