"""Conv2 to Conv8 of Frankle & Carbin (2019, arXiv:1803.03635): small VGGs, without biases.

Pairs of 3x3 convolutions of 64, 128, 256 and 512 channels, each pair followed by 2x2 max-pooling,
then fully connected layers of 256, 256 and one unit per class (arXiv:2006.16627, section 4).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from trainers.networks import (
    Network,
    NetworkSpec,
    Norms,
    convolution_shape,
    dense_shape,
    flatten,
    side_by_side,
)

PATTERN = r"conv([2468])"
EXAMPLES = ("conv2", "conv4", "conv6", "conv8")

_CHANNELS = (64, 128, 256, 512)


def build(spec: NetworkSpec) -> Network:
    """Return ConvN; on CIFAR-10 conv2 has 4,300,992, conv4 2,425,024, conv6 2,261,184 connections.

    Raises:
        UserError: the images have too few pixels for the network's poolings.
    """
    (depth,) = spec.numbers
    pairs = depth // 2
    channels, height, width = spec.input_shape
    if min(height, width) < 2**pairs:
        raise spec.too_small(2**pairs)
    layers = []
    for number in range(1, depth + 1):
        out = spec.wide(_CHANNELS[(number - 1) // 2])
        halved = 2 ** ((number - 1) // 2)
        positions = (height // halved) * (width // halved)
        layers.append(convolution_shape(f"conv{number}", channels, out, positions=positions))
        channels = out
    units = channels * (height // 2**pairs) * (width // 2**pairs)
    for number, out in enumerate((spec.wide(256), spec.wide(256), spec.classes), start=1):
        layers.append(dense_shape(f"fc{number}", units, out))
        units = out

    def forward(weights: Sequence[Tensor], images: Tensor, norms: Norms) -> Tensor:
        """Return logits of one replica, [B, classes]."""
        x = images.contiguous(memory_format=torch.channels_last)
        for first, second in zip(weights[:depth:2], weights[1:depth:2], strict=True):
            x = spec.activation(F.conv2d(x, first, padding=1))
            x = spec.pooled(F.conv2d(x, second, padding=1))
        x = flatten(x)
        for weight in weights[depth:-1]:
            x = spec.activation(spec.linear(x, weight))
        return spec.linear(x, weights[-1])

    return Network(tuple(layers), side_by_side(forward), evaluation_batch=100)
