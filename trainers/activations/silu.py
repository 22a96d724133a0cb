"""Sigmoid linear unit, swish (Ramachandran et al. 2017, arXiv:1710.05941); in the paper's code."""

import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """Return x sigmoid(x), elementwise."""
    return F.silu(x)
