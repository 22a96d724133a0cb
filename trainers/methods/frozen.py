"""Frozen: all connections kept, no weight trained; a control.

What is trained is what the network has beside connections: with ``affine`` a residual network's
batch normalisation alone (Frankle et al. 2021, arXiv:2003.00152). Without, nothing at all: the
untrained network, whose batch normalisation still follows its running statistics.
"""

from torch import Tensor

from trainers.methods import Layer, Method, Pack

MIXES = True
REFUSES = ("weight_decay", "trained_layers")


class Frozen(Method):
    """Dense training with no gradient for the weights, so that Adam leaves them as they are."""

    elementwise = capturable = True
    trains_weights = False

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Zero, [R, *shape]."""
        return gradient.zero_()


METHOD = Frozen()
