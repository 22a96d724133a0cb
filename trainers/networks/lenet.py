"""LeNet-300-100 of LeCun et al. (1998): fully connected, here of any widths and without biases."""

import itertools
import math
from collections.abc import Callable, Sequence

from torch import Tensor

from trainers.networks import LayerShape, Network

PATTERN = r"lenet((?:-[1-9][0-9]{0,4})+)"
EXAMPLE = "lenet-300-100"


def build(
    numbers: tuple[int, ...],
    input_shape: tuple[int, ...],
    classes: int,
    activation: Callable[[Tensor], Tensor],
) -> Network:
    """Hidden layers as wide as the numbers say, then one output per class (arXiv:2006.16627, 3).

    LeNet-300-100 on MNIST has 784 * 300 + 300 * 100 + 100 * 10 = 266,200 connections.
    """
    widths = [math.prod(input_shape), *numbers, classes]

    def forward(weights: Sequence[Tensor], images: Tensor) -> Tensor:
        """Logits, see `Network.forward`."""
        x = images.flatten(start_dim=2)
        for weight in weights[:-1]:
            x = activation(x.bmm(weight.mT))
        return x.bmm(weights[-1].mT)

    pairs = enumerate(itertools.pairwise(widths), start=1)
    layers = [LayerShape(f"fc{i}", (after, before), before, after) for i, (before, after) in pairs]
    return Network(tuple(layers), forward)
