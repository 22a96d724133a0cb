"""The readable engine: autograd with the effective weights as its leaves, PyTorch's fused Adam.

The gradient of the effective weight is all that a method needs, so the mask is no part of the
graph; this is bit-identical to a straight-through autograd function per layer, and faster.
"""

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
        self._optimizer = torch.optim.Adam(
            [layer.trained for layer in pack.layers],
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
        for layer in pack.layers:
            method.pull_back(pack, layer)
        self._optimizer.step()
        self._optimizer.zero_grad()
        for layer in pack.layers:
            method.rebuild(layer)
        return loss.detach(), (logits.detach().argmax(dim=2) == labels).sum(dim=1)
