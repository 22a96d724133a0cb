"""The readable engine: autograd with the effective weights as its leaves.

The gradient of the effective weight is all that a method needs, so the mask is no part of the
graph; this is bit-identical to a straight-through autograd function per layer, and faster.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from trainers.engines.engine import Engine


class Autograd(Engine):
    """Takes training steps with any network."""

    name = "leaf"

    def _backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See `Engine._backward`."""
        leaves = [layer.effective for layer in self.pack.layers]
        beside = [p for norms in self._beside for p in norms]
        with torch.enable_grad():
            logits = self.pack.logits(images)
            loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
            gradients = torch.autograd.grad(loss / labels.shape[1], [*leaves, *beside])
        for parameter, gradient in zip(beside, gradients[len(leaves) :], strict=True):
            parameter.grad = gradient
        # A convolution's gradient may lie in memory in another order than its weights, and the
        # fused optimiser goes by memory.
        return logits.detach(), [gradient.contiguous() for gradient in gradients[: len(leaves)]]
