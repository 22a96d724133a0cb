"""The readable engine: autograd with the effective weights as its leaves, PyTorch's fused Adam.

The gradient of the effective weight is all that a method needs, so the mask is no part of the
graph; this is bit-identical to a straight-through autograd function per layer, and faster.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from trainers.methods import Method, Pack

NAME = "leaf"


class Leaf:
    """Takes training steps with a pack.

    Args:
        pack: begun by the method.
        method: of all trials of the pack.
    """

    def __init__(self, pack: Pack, method: Method) -> None:
        self._pack, self._method = pack, method
        # A parameter per replica: the fused step rounds by a number's place in its tensor, and a
        # replica must get the same bits in a pack as alone.
        self._trained = [replica for layer in pack.layers for replica in layer.trained.unbind()]
        self._optimizer = torch.optim.Adam(
            self._trained,
            lr=pack.trial.learning_rate,
            eps=pack.trial.adam_epsilon,
            fused=True,
        )

    def step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One training step.

        Args:
            images: normalised, [R, B, channels, height, width].
            labels: [R, B].

        Returns:
            Cross-entropy summed over the batch and number of correct answers, both [R].
        """
        pack, method = self._pack, self._method
        logits = pack.network.forward([layer.effective for layer in pack.layers], images)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        loss = loss.view(labels.shape).sum(dim=1)
        (loss.sum() / labels.shape[1]).backward()  # type: ignore[no-untyped-call]
        for trained, gradient in zip(self._trained, self._gradients(), strict=True):
            trained.grad = gradient
        self._optimizer.step()
        for layer in pack.layers:
            layer.effective.grad = None
            method.rebuild(layer)
        return loss.detach(), (logits.detach().argmax(dim=2) == labels).sum(dim=1)

    def _gradients(self) -> Iterator[Tensor]:
        """The gradient of each replica's part of each layer, in the order of the parameters."""
        for layer in self._pack.layers:
            assert layer.effective.grad is not None  # noqa: S101  (the backward pass has set it)
            yield from self._method.gradient(self._pack.trial, layer, layer.effective.grad).unbind()
