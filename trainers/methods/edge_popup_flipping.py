"""Edge-popup with flipped signs: +1 for the top scores of each layer, -1 for the rest.

This is to free flipping what edge-popup (arXiv:1911.13299) is to free pruning. If the signs of the
weights are symmetric, the densities d and 1 - d follow the same law: the network with all signs
turned is equally likely, and turned scores rank in reverse. ``edge-popup-flipping(global)`` ranks
the scores of all layers together.
"""

from trainers.methods.edge_popup import EdgePopup

MIXES = True
EXAMPLES = ("edge-popup-flipping", "edge-popup-flipping(global)")
PARAMETERS = {"global": (False,)}
READS = ("score_low", "score_high", "score_seed", "density")


class EdgePopupFlipping(EdgePopup):
    """A connection has its sign flipped while its score is among the lowest."""

    off = -1.0


def method(**parameters: bool) -> EdgePopupFlipping:
    """Return the method with the parameters in its name; `global` is a keyword of Python."""
    return EdgePopupFlipping(of_all=parameters["global"])
