"""SNIP (Lee et al. 2019, arXiv:1810.02340, equation 5): pruning once, before training.

The connections with the largest |weight * dL/dweight| over all layers are kept. The loss is that of
one class-balanced batch with ten images per class. ``snip(shuffled)`` permutes the mask within each
layer: random pruning at snip's densities. The authors' batch is the first one that they train with,
of 100 or 128 images, not balanced.
"""

import torch
from torch import Tensor

from trainers.batches import Batches
from trainers.methods import MaskedWeights, Pack
from trainers.methods._masks import balanced_loss, largest

EXAMPLES = ("snip", "snip(shuffled)")
PARAMETERS = {"shuffled": (False,)}
READS = ("density",)


class Snip(MaskedWeights):
    """Keeps the connections whose removal would change the loss most, by its first gradient."""

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor]:
        """Return masks of the largest |weight * dL/dweight|, [R, *shape] for each layer."""
        leaves = [layer.effective for layer in pack.layers]
        gradients = torch.autograd.grad(balanced_loss(pack, batches), leaves)
        scores = [(w * g).abs().detach() for w, g in zip(leaves, gradients, strict=True)]
        return largest(pack, scores, pack.trial.density)


method = Snip
