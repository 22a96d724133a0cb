"""Exponential linear unit, alpha 1 (Clevert et al. 2016, arXiv:1511.07289); in the paper's code."""

import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """x where x > 0, else exp(x) - 1, elementwise."""
    return F.elu(x)
