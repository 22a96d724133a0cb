"""ResNet-20 and its family for small images (He et al. 2016, arXiv:1512.03385, section 4.2).

6n + 2 layers: a 3x3 convolution, three stages of n blocks with 16, 32 and 64 channels, global
average pooling, and one fully connected layer. Where a later stage begins, a 1x1 convolution with
stride 2 fits the shortcut to its width, as in Keras's example, on which the paper's code is based.

Batch normalisation is Keras's: momentum 0.99, epsilon 1e-3. No arm trains its scale and shift
unless the trial's `affine` says so. The official code always trains them, so its network is not
free of trained weights. There is one ReLU in each place and one softmax; the official code has two
of each.
"""

import math
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
    side_by_side,
)

PATTERN = r"resnet(8|14|20|26|32|38|44|50|56|62|68|74|80|86|92|98|104|110)"
EXAMPLES = ("resnet20", "resnet8", "resnet14", "resnet32", "resnet44", "resnet56", "resnet110")
READS = ("affine",)

_MIN_PIXELS = 5


def build(spec: NetworkSpec) -> Network:
    """Return ResNet-(6n+2) v1; on CIFAR-10 resnet20 has 270,896 connections in 22 layers.

    Raises:
        UserError: the images have too few pixels.
    """
    (depth,) = spec.numbers
    if max(spec.input_shape[1:]) < _MIN_PIXELS:  # one pixel in the last stage has no variance
        raise spec.too_small(_MIN_PIXELS)
    channels = spec.wide(16)
    colours, *size = spec.input_shape
    positions = math.prod(size)
    layers = [convolution_shape("conv", colours, channels, positions=positions)]
    normalised, shortcuts = [channels], []
    for stage in (1, 2, 3):
        out = spec.wide(16 * 2 ** (stage - 1))
        positions = math.prod(-(-side // 2 ** (stage - 1)) for side in size)
        for block in range(1, (depth - 2) // 6 + 1):
            name = f"stage{stage}.block{block}"
            layers.append(convolution_shape(f"{name}.conv1", channels, out, positions=positions))
            layers.append(convolution_shape(f"{name}.conv2", out, out, positions=positions))
            shortcuts.append(stage > 1 and block == 1)
            if shortcuts[-1]:
                shortcut = convolution_shape(
                    f"{name}.shortcut", channels, out, kernel=1, positions=positions
                )
                layers.append(shortcut)
            normalised += [out, out]
            channels = out
    layers.append(dense_shape("fc", channels, spec.classes))

    def forward(weights: Sequence[Tensor], images: Tensor, norms: Norms) -> Tensor:
        """Return logits of one replica, [B, classes]."""
        weight, norm = iter(weights), iter(norms)
        x = images.contiguous(memory_format=torch.channels_last)
        x = spec.activation(next(norm)(F.conv2d(x, next(weight), padding=1)))
        for shortcut in shortcuts:
            stride = 2 if shortcut else 1
            y = F.conv2d(x, next(weight), padding=1, stride=stride)
            y = F.conv2d(spec.activation(next(norm)(y)), next(weight), padding=1)
            y = next(norm)(y)
            x = F.conv2d(x, next(weight), stride=stride) if shortcut else x
            x = spec.activation(x + y)
        return spec.linear(x.mean(dim=(2, 3)), next(weight))

    return Network(tuple(layers), side_by_side(forward), tuple(normalised), evaluation_batch=50)
