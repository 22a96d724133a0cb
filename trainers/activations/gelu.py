"""Gaussian error linear unit (Hendrycks & Gimpel 2016, arXiv:1606.08415); an extension."""

import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """Return x Phi(x), Phi the standard normal's distribution function, elementwise."""
    return F.gelu(x)
