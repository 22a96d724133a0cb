"""LeNet-300-100 of LeCun et al. (1998): fully connected, here of any widths and without biases."""

import itertools
import math
from collections.abc import Sequence

from torch import Tensor

from trainers.networks import Network, NetworkSpec, Norms, dense_shape, side_by_side

PATTERN = r"lenet((?:-[1-9][0-9]{0,4})+)"
EXAMPLES = ("lenet-300-100",)
NOTE = "the numbers in lenet-300-100 are free"


def build(wanted: NetworkSpec) -> Network:
    """Hidden layers as wide as the numbers say, then one output per class (arXiv:2006.16627, 3).

    LeNet-300-100 on MNIST has 784 * 300 + 300 * 100 + 100 * 10 = 266,200 connections.
    """
    hidden = [wanted.wide(units) for units in wanted.numbers]
    widths = [math.prod(wanted.input_shape), *hidden, wanted.classes]

    def logits(weights: Sequence[Tensor], images: Tensor, norms: object) -> Tensor:
        """Logits, [..., B, classes], of one replica or of several at once."""
        x = images.flatten(start_dim=-3)
        for weight in weights[:-1]:
            x = wanted.activation(x @ weight.mT)
        return x @ weights[-1].mT

    separate = side_by_side(logits)

    def forward(weights: Sequence[Tensor], images: Tensor, norms: Sequence[Norms]) -> Tensor:
        """Logits, see `Network.forward`; on a CPU of each replica by itself.

        A batched product gains nothing there, and its bits depend on the number of replicas where
        a layer is one unit wide.
        """
        return (logits if images.is_cuda else separate)(weights, images, norms)

    pairs = enumerate(itertools.pairwise(widths), start=1)
    layers = [dense_shape(f"fc{i}", before, after) for i, (before, after) in pairs]
    return Network(tuple(layers), forward, evaluation_batch=250, plain=True)
