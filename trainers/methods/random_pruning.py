"""Random pruning: weights trained under a random mask, each layer with the same density.

It is the baseline of all pruning. For random masks with the layer densities of another method, take
that method with its mask permuted within each layer, as in ``snip(shuffled)``.
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
    """Keeps the connections with the largest random numbers."""

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor]:
        """Return random masks that drop floor((1 - density) n) of each layer's n connections."""
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
