"""Weights trained under what free flipping has left: a control of what its masks are worth.

The first `epochs` are free flipping; the next as many train the weights from there. With
``shuffled`` the mask is permuted within each layer first, with ``redrawn`` the weights are drawn
anew: if the mask carries the function, and not its densities alone, either should cost accuracy.
"""

from trainers.methods._learned import LearnedMask
from trainers.methods.free_flipping import METHOD as FREE

EXAMPLES = (
    "free-flipping-weights",
    "free-flipping-weights(shuffled)",
    "free-flipping-weights(redrawn)",
)
PARAMETERS = {"shuffled": (False,), "redrawn": (False,)}
READS = ("score_low", "score_high", "score_seed", "score_offset")
LEAST_EPOCHS = 1


def method(*, shuffled: bool, redrawn: bool) -> LearnedMask:
    """The method with the parameters in its name."""
    return LearnedMask(FREE, shuffled=shuffled, redrawn=redrawn)
