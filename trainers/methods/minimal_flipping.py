"""Minimal flipping (arXiv:2006.16627, section 3.3): as few signs are flipped as possible.

Free flipping with -penalty * mean(mask) of each layer added to the loss, mask in {-1, 1}.
"""

from trainers.methods.free_flipping import FreeFlipping

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset", "penalty")


class MinimalFlipping(FreeFlipping):
    """Free flipping where a flipped sign must pay for itself."""

    penalty_sign = -1


METHOD = MinimalFlipping()
