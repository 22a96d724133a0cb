"""Weights trained under the mask of free pruning: a control of what its masks are worth.

The first `epochs` are free pruning; equally many train the weights from there. With ``shuffled``
the mask is permuted within each layer first, with ``redrawn`` the weights are drawn anew. If the
mask carries the function, and not its densities alone, either should cost accuracy.
"""

from trainers.methods._learned import LearnedMask
from trainers.methods.free_pruning import METHOD as FREE

EXAMPLES = (
    "free-pruning-weights",
    "free-pruning-weights(shuffled)",
    "free-pruning-weights(redrawn)",
)
PARAMETERS = {"shuffled": (False,), "redrawn": (False,)}
READS = ("score_low", "score_high", "score_seed", "score_offset")
LEAST_EPOCHS = 1


def method(*, shuffled: bool, redrawn: bool) -> LearnedMask:
    """Return the method with the parameters in its name."""
    return LearnedMask(FREE, shuffled=shuffled, redrawn=redrawn)
