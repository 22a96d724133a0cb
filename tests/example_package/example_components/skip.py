"""One hidden layer, and a direct layer from the pixels to the classes: ``skip-100``."""

import math
from collections.abc import Sequence

from torch import Tensor

from trainers.networks import Network, NetworkSpec, Norms, dense_shape, side_by_side

PATTERN = r"skip-([1-9][0-9]{0,4})"
EXAMPLES = ("skip-100",)
NOTE = "the number in skip-100 is free"


def build(spec: NetworkSpec) -> Network:
    """Return a network with logits activation(x fc1) fc2 + x direct, without biases."""
    pixels, hidden = math.prod(spec.input_shape), spec.wide(spec.numbers[0])
    layers = (
        dense_shape("fc1", pixels, hidden),
        dense_shape("direct", pixels, spec.classes),
        dense_shape("fc2", hidden, spec.classes),
    )

    def logits(weights: Sequence[Tensor], images: Tensor, norms: Norms) -> Tensor:
        """Return one replica's logits [B, classes] for images [B, C, H, W]."""
        fc1, direct, fc2 = weights
        x = images.flatten(start_dim=1)
        hidden = spec.activation(spec.linear(x, fc1))
        return spec.linear(hidden, fc2) + spec.linear(x, direct)

    return Network(layers, side_by_side(logits))
