"""Maximal pruning: as many connections are pruned as possible.

Free pruning with +penalty * mean(mask) of each layer added to the loss: a kept connection must pay
for itself. It is in the plots of the official implementation, not in the paper's text.
"""

from trainers.methods.free_pruning import FreePruning

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset", "penalty", "rescaling")


class MaximalPruning(FreePruning):
    """Free pruning where a kept connection must pay for itself."""

    penalty_sign = 1


METHOD = MaximalPruning()
