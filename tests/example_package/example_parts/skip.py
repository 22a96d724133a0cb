"""A hidden layer, and beside it a direct way from the pixels to the classes: ``skip-100``."""

import math
from collections.abc import Sequence

from torch import Tensor

from trainers.networks import Network, NetworkSpec, Norms, dense_shape, side_by_side

PATTERN = r"skip-([1-9][0-9]{0,4})"
EXAMPLES = ("skip-100",)
NOTE = "the number in skip-100 is free"


def build(wanted: NetworkSpec) -> Network:
    """Logits are activation(x fc1) fc2 + x direct; no biases."""
    pixels, hidden = math.prod(wanted.input_shape), wanted.wide(wanted.numbers[0])
    layers = (
        dense_shape("fc1", pixels, hidden),
        dense_shape("direct", pixels, wanted.classes),
        dense_shape("fc2", hidden, wanted.classes),
    )

    def logits(weights: Sequence[Tensor], images: Tensor, norms: Norms) -> Tensor:
        """Images [B, C, H, W] to logits [B, classes], of one replica."""
        fc1, direct, fc2 = weights
        x = images.flatten(start_dim=1)
        return wanted.activation(x @ fc1.mT) @ fc2.mT + x @ direct.mT

    return Network(layers, side_by_side(logits))
