"""Free pruning (arXiv:2006.16627, section 3.1): connections are switched off and on again.

effective = weight * where(score > 0, 1, 0); dL/dscore = dL/deffective * weight.
"""

from trainers.methods import Connections

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset", "rescaling")


class FreePruning(Connections):
    """A connection is pruned while its score is not positive."""

    off = 0.0
    elementwise = True


METHOD = FreePruning()
