"""Scaled exponential linear unit (Klambauer et al. 2017, arXiv:1706.02515).

The paper's code offers it, but runs elu under this name.
"""

import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor


def activation(x: Tensor) -> Tensor:
    """1.0507 elu(x, alpha 1.6733), elementwise."""
    return F.selu(x)
