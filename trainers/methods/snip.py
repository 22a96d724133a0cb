"""SNIP (Lee et al. 2019, arXiv:1810.02340, equation 5): pruning once, before training.

The connections with the largest |weight * dL/dweight| over all layers are kept, the loss being that
of one class-balanced batch, ten images of each class. ``snip(shuffled)`` permutes the mask within
each layer: random pruning at snip's densities.
"""

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from trainers.batches import Batches
from trainers.methods import MaskedWeights, Pack
from trainers.methods._masks import largest, unmoved

EXAMPLES = ("snip", "snip(shuffled)")
PARAMETERS = {"shuffled": (False,)}
READS = ("density",)

_PER_CLASS = 10


class Snip(MaskedWeights):
    """Keeps the connections whose loss the first gradient says would be felt most."""

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor]:
        """The largest |weight * dL/dweight|."""
        images, labels = batches.balanced(_PER_CLASS)
        with unmoved(pack):
            logits = pack.logits(images)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
        leaves = [layer.effective for layer in pack.layers]
        gradients = torch.autograd.grad(loss / labels.shape[1], leaves)
        scores = [(w * g).abs().detach() for w, g in zip(leaves, gradients, strict=True)]
        return largest(pack, scores)


method = Snip
