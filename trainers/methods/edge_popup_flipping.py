"""Edge-popup with flipped signs: +1 for the top scores of each layer, -1 for the rest.

This is to free flipping what edge-popup (arXiv:1911.13299) is to free pruning. If the signs of the
weights are symmetric, the densities d and 1 - d follow the same law: the network with all signs
turned is equally likely, and turned scores rank in reverse.
"""

from trainers.methods.edge_popup import EdgePopup

READS = ("score_low", "score_high", "score_seed", "density")


class EdgePopupFlipping(EdgePopup):
    """A connection has its sign flipped while its score is among the lowest of its layer."""

    off = -1.0


METHOD = EdgePopupFlipping()
