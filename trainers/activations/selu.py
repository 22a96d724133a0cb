"""Scaled exponential linear unit (Klambauer et al. 2017, arXiv:1706.02515).

The paper's code offers it, but runs ELU under this name.
"""

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805

_elu_backward = torch.ops.aten.elu_backward.grad_input


def activation(x: Tensor) -> Tensor:
    """Return 1.0507 elu(x, alpha 1.6733), elementwise."""
    return F.selu(x)


def activate_(x: Tensor) -> Tensor:
    """Apply the activation, in place."""
    return F.selu_(x)


def backward_(gradient: Tensor, output: Tensor) -> Tensor:
    """Turn dL/doutput into dL/dx, in place, elementwise."""
    _elu_backward(gradient, _ALPHA, _SCALE, 1.0, True, output, grad_input=gradient)
    return gradient
