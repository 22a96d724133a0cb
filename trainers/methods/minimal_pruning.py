"""Minimal pruning (arXiv:2006.16627, section 3.3): as few connections are pruned as possible.

Free pruning with -penalty * mean(mask) of each layer added to the loss.
"""

from trainers.methods.free_pruning import FreePruning

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset", "penalty", "rescaling")


class MinimalPruning(FreePruning):
    """Free pruning where a pruned connection must pay for itself."""

    penalty_sign = -1


METHOD = MinimalPruning()
