"""Magnitude pruning, one-shot (Han et al. 2015, arXiv:1506.02626): train, prune, fine-tune.

The first half of the epochs trains all weights; then those that are largest in size, over all
layers, are kept and trained for the rest. So it takes as many epochs as the methods it is held
against. ``magnitude-pruning(shuffled)`` permutes the mask within each layer.
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
    """Keeps the weights that training has made largest."""

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Dense training and fine-tuning, half of the epochs each."""
        return (trial.epochs // 2, trial.epochs - trial.epochs // 2)

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor] | None:
        """Before fine-tuning: the largest |weight| over all layers."""
        if number == 0:
            return None
        sizes = [layer.scaled(layer.trained).abs() for layer in pack.layers]
        return largest(pack, sizes, pack.trial.density)


method = MagnitudePruning
