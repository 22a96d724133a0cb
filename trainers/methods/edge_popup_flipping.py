"""Edge-popup with flipped signs: +1 for the top scores of each layer, -1 for the rest.

What edge-popup (arXiv:1911.13299) is to free pruning, this is to free flipping. With weights whose
signs are symmetric, the densities d and 1 - d follow the same law: the network with all signs
turned is as likely, and turned scores rank the other way.
"""

from trainers.methods.edge_popup import EdgePopup

READS = ("score_low", "score_high", "score_seed", "density")


class EdgePopupFlipping(EdgePopup):
    """A connection has its sign flipped while its score is among the lowest of its layer."""

    off = -1.0


METHOD = EdgePopupFlipping()
