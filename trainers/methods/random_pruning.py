"""Random pruning: weights trained under a random mask, each layer with the same density.

The baseline of all pruning. For random masks with the densities of another method's layers, that
method has a form of its own with its mask permuted in each layer, as in ``snip(shuffled)``.
"""

import numpy as np
import torch
from torch import Tensor

from trainers import randomness
from trainers.batches import Batches
from trainers.methods import MaskedWeights, Pack
from trainers.methods._masks import top

READS = ("density",)


class RandomPruning(MaskedWeights):
    """Keeps the connections with the largest of random numbers."""

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor]:
        """Of each layer's n connections floor((1 - density) n) are dropped."""
        return [
            torch.stack(
                [_mask(t.seed, layer.index, layer.weight[0], t.density) for t in pack.trials]
            )
            for layer in pack.layers
        ]


def _mask(seed: int, layer: int, like: Tensor, density: float) -> Tensor:
    order = randomness.permutation(seed, "mask", layer, like.numel()).astype(np.float32)
    return top(torch.from_numpy(order), density).view_as(like).to(like.device)


METHOD = RandomPruning()
