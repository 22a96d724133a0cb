"""Free flipping (arXiv:2006.16627, section 3.2): weights change their signs and change them back.

effective = weight * where(score > 0, 1, -1); dL/dscore = dL/deffective * weight.
"""

from trainers.methods import Connections

MIXES = True
READS = ("score_low", "score_high", "score_seed", "score_offset")


class FreeFlipping(Connections):
    """A connection has its sign flipped while its score is not positive."""

    off = -1.0
    elementwise = True


METHOD = FreeFlipping()
