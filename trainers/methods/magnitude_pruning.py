"""Magnitude pruning, one-shot (Han et al. 2015, arXiv:1506.02626): train, prune, fine-tune.

The first half of the epochs trains all weights. Those with the largest sizes over all layers are
kept, and the second half trains them further. So it takes as many epochs as the methods that it is
compared with; the authors train until nothing improves, prune layer by layer with a threshold
each, and fine-tune at a lower rate. ``magnitude-pruning(shuffled)`` permutes the mask within each
layer.
"""

from collections.abc import Sequence

from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods import MaskedWeights, Pack
from trainers.methods._masks import largest

EXAMPLES = ("magnitude-pruning", "magnitude-pruning(shuffled)")
PARAMETERS = {"shuffled": (False,)}
READS = ("density",)
LEAST_EPOCHS = 2


class MagnitudePruning(MaskedWeights):
    """Keeps the weights that training makes largest."""

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Return half of the epochs for dense training, and half for fine-tuning."""
        return (trial.epochs // 2, trial.epochs - trial.epochs // 2)

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor] | None:
        """Return masks of the largest |weight| over all layers, before fine-tuning."""
        if number == 0:
            return None
        sizes = [layer.scaled(layer.trained).abs() for layer in pack.layers]
        return largest(pack, sizes, pack.trial.density)


method = MagnitudePruning
