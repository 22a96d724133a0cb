"""LeNet-300-100 of LeCun et al. (1998): fully connected, here of any widths and without biases."""

import itertools
import math
from collections.abc import Sequence

from torch import Tensor

from trainers.networks import Network, NetworkSpec, Norms, dense_shape, side_by_side

PATTERN = r"lenet((?:-[1-9][0-9]{0,4})+)"
EXAMPLES = ("lenet-300-100",)
NOTE = "the numbers in lenet-300-100 are free, from 1 to 99999"


def build(spec: NetworkSpec) -> Network:
    """Return hidden layers of the numbers' widths, and one output per class (arXiv:2006.16627, 3).

    LeNet-300-100 on MNIST has 784 * 300 + 300 * 100 + 100 * 10 = 266,200 connections.
    """
    hidden = [spec.wide(units) for units in spec.numbers]
    widths = [math.prod(spec.input_shape), *hidden, spec.classes]

    def logits(weights: Sequence[Tensor], images: Tensor, norms: object) -> Tensor:
        """Return logits, [..., B, classes], of one replica or of several at once."""
        x = images.flatten(start_dim=-3)
        for weight in weights[:-1]:
            x = spec.activation(spec.linear(x, weight))
        return spec.linear(x, weights[-1])

    separate = side_by_side(logits)

    def forward(weights: Sequence[Tensor], images: Tensor, norms: Sequence[Norms]) -> Tensor:
        """Return logits, see `Network.forward`; on a CPU each replica is computed by itself.

        A batched product would gain nothing there, and if a layer is one unit wide its bits would
        depend on the number of replicas.
        """
        return (logits if images.is_cuda else separate)(weights, images, norms)

    pairs = enumerate(itertools.pairwise(widths), start=1)
    layers = [dense_shape(f"fc{i}", before, after) for i, (before, after) in pairs]
    return Network(tuple(layers), forward, evaluation_batch=250, plain=True)
