"""The readable engine: autograd with the effective weights as its leaves.

A method needs no more than the gradient of the effective weights, so the mask is no part of the
autograd graph. The bits equal those of a straight-through autograd function per layer, and it is
faster.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from trainers.engines.engine import Engine


class Autograd(Engine):
    """Takes training steps with any network."""

    name = "leaf"  # as it was first recorded: trials are compared by it

    def backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See `Engine.backward`."""
        leaves = [layer.effective for layer in self.pack.layers]
        affine = [parameter for parameters in self._affine for parameter in parameters]
        with torch.enable_grad():
            logits = self.pack.logits(images)
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
            gradients = torch.autograd.grad(loss / labels.shape[1], [*leaves, *affine])
        for parameter, gradient in zip(affine, gradients[len(leaves) :], strict=True):
            parameter.grad = gradient
        # A convolution's gradient may have another memory order than its weights, and the fused
        # optimiser goes by memory.
        return logits.detach(), [gradient.contiguous() for gradient in gradients[: len(leaves)]]


class OneDnnAutograd(Autograd):
    """`Autograd` where the network's fully connected layers go through oneDNN."""

    name = "leaf-onednn"
