"""Frozen: all connections are kept and no weight is trained; a control.

With ``affine`` a residual network's batch normalisation alone is trained (Frankle et al. 2021,
arXiv:2003.00152). Without it nothing is: the network stays untrained, and its batch normalisation
only updates its running statistics.
"""

from torch import Tensor

from trainers.methods import Layer, Method, Pack

MIXES = True
REFUSES = ("weight_decay", "decoupled_decay", "trained_layers")


class Frozen(Method):
    """Dense training with no gradient for the weights, so that Adam leaves them as they are."""

    elementwise = capturable = True
    trains_weights = False

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Return zero, [R, *shape]."""
        return gradient.zero_()


METHOD = Frozen()
