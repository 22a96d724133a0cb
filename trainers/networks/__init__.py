"""Networks: one file each, with a function `build`.

    build(spec: NetworkSpec) -> Network

No network has biases (arXiv:2006.16627, section 3). A network whose forward function is written for
one replica, such as any with convolutions, passes it through `side_by_side`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from studies.errors import UserError
from studies.trial import Trial
from trainers import registry, streams
from trainers.products import OWN, Products


@dataclass(frozen=True)
class LayerShape:
    """A layer's weights.

    Attributes:
        name: such as ``fc1``.
        shape: of one replica's weights, [outputs, inputs, ...].
        fan_in: connections into one output unit.
        fan_out: connections out of one input unit.
        positions: how often an image multiplies by each weight: of a convolution its output pixels;
            None if not known.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    positions: int | None = None


#: A trial has about six numbers of four bytes per connection in memory.
_MAX_CONNECTIONS = 2**30

#: One replica's batch normalisations in the order of the forward pass, [B, C, H, W] to the same.
Norms = Sequence[Callable[[Tensor], Tensor]]


@dataclass(frozen=True)
class Network:
    """A network without weights of its own.

    Attributes:
        layers: the layers with weights, from input to output.
        forward: (weights, images, norms) -> logits; weights [R, *shape] per layer, images
            [R, B, channels, height, width], norms of each replica, logits [R, B, classes].
        channels: of each batch normalisation, in the order of the forward pass.
        evaluation_batch: images per batch of an evaluation; larger batches are slower on a CPU.
        plain: whether it consists of fully connected layers and the activation between them alone.
        products: what its fully connected layers are computed with on a CPU.
    """

    layers: tuple[LayerShape, ...]
    forward: Callable[[Sequence[Tensor], Tensor, Sequence[Norms]], Tensor]
    channels: tuple[int, ...] = ()
    evaluation_batch: int = 1_000
    plain: bool = False
    products: Products = OWN


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is built from.

    Attributes:
        name: the network's name, for errors.
        numbers: those in the name, such as 300 and 100.
        input_shape: channels, height and width of an image.
        classes: the number of classes.
        activation: of the hidden layers, elementwise.
        width: factor on the units or channels of every hidden layer.
        rising: whether the activation never falls, so that it may follow max-pooling.
        products: what fully connected layers are computed with on a CPU.
    """

    name: str
    numbers: tuple[int, ...]
    input_shape: tuple[int, int, int]
    classes: int
    activation: Callable[[Tensor], Tensor]
    width: float = 1.0
    rising: bool = False
    products: Products = OWN

    def linear(self, x: Tensor, weight: Tensor) -> Tensor:
        """Apply a fully connected layer, [..., B, inputs] to [..., B, outputs]."""
        return self.products.linear(x, weight)

    def pooled(self, x: Tensor) -> Tensor:
        """Apply the activation and 2x2 max-pooling, in the order that is faster.

        Args:
            x: [N, channels, height, width].

        Returns:
            [N, channels, height // 2, width // 2].
        """
        if self.rising:
            return self.activation(F.max_pool2d(x, 2))
        return F.max_pool2d(self.activation(x), 2)

    def wide(self, units: int) -> int:
        """Return the units or channels times the width, rounded, at least one."""
        return max(1, int(units * self.width + 0.5))

    def too_small(self, least: int) -> UserError:
        """Return the error for images with fewer pixels than the network needs."""
        _, height, width = self.input_shape
        return UserError(
            f"network {self.name}: it halves images and needs at least {least}x{least} pixels, "
            f"these have {height}x{width}; take a network with fewer layers, or larger images"
        )


def build(
    trial: Trial, input_shape: tuple[int, int, int], classes: int, products: Products = OWN
) -> Network:
    """Return the network that a trial names, for a data set's shape.

    Args:
        trial: names the network, its width and its activation.
        input_shape: channels, height and width of an image.
        classes: the number of classes.
        products: what its fully connected layers are computed with on a CPU.

    Raises:
        UserError: the network cannot take such images, or is too large.
    """
    activation = registry.load("activation", trial.activation)[0]
    spec = NetworkSpec(
        trial.network,
        registry.find("network", trial.network).numbers,
        input_shape,
        classes,
        activation.activation,
        width=trial.width,
        rising=getattr(activation, "RISING", False),
        products=products,
    )
    network = _built(spec)
    connections = sum(math.prod(layer.shape) for layer in network.layers)
    if connections > _MAX_CONNECTIONS:
        raise UserError(
            f"network {trial.network}: {connections:,} connections; at most {_MAX_CONNECTIONS:,} "
            "are allowed; take fewer units, or a smaller width"
        )
    return network


def wiring(
    trial: Trial,
    input_shape: tuple[int, int, int],
    classes: int,
    activation: Callable[[Tensor], Tensor],
) -> Network:
    """Return the network that a trial names, with another activation, and means instead of maxima.

    It shows which paths there are: all inputs of a mean are on a path, but only one of a maximum's.
    """
    numbers = registry.find("network", trial.network).numbers
    values = (trial.network, numbers, input_shape, classes, activation)
    return _built(_Wiring(*values, width=trial.width))


class _Wiring(NetworkSpec):
    """The specification of a network that averages instead of taking maxima."""

    def pooled(self, x: Tensor) -> Tensor:
        """Apply the activation and 2x2 mean-pooling."""
        return F.avg_pool2d(self.activation(x), 2)


def _built(spec: NetworkSpec) -> Network:
    network: Network = registry.load("network", spec.name)[0].build(spec)
    return replace(network, products=spec.products)


def dense_shape(name: str, inputs: int, outputs: int) -> LayerShape:
    """Return the shape of a fully connected layer's weights, [outputs, inputs]."""
    return LayerShape(name, (outputs, inputs), inputs, outputs, positions=1)


def convolution_shape(
    name: str, inputs: int, outputs: int, kernel: int = 3, *, positions: int | None = None
) -> LayerShape:
    """Return the shape of a convolution's weights, [outputs, inputs, kernel, kernel].

    fan_in and fan_out are counted as in Keras. Without ``positions``, the pixels of its output, the
    multiplications of a network are not recorded.
    """
    area, shape = kernel * kernel, (outputs, inputs, kernel, kernel)
    return LayerShape(name, shape, inputs * area, outputs * area, positions)


def side_by_side(
    single: Callable[[Sequence[Tensor], Tensor, Norms], Tensor],
) -> Callable[[Sequence[Tensor], Tensor, Sequence[Norms]], Tensor]:
    """Turn the forward pass of one replica into that of R, each computed by itself.

    On a GPU they may run beside each other, see `trainers.streams`.

    Args:
        single: (weights, images [B, C, H, W], norms) -> logits [B, classes] of one replica.
    """

    def forward(weights: Sequence[Tensor], images: Tensor, norms: Sequence[Norms]) -> Tensor:
        """Return logits, see `Network.forward`."""
        if len(images) == 1:  # views only: nothing is copied in the backward pass
            return single([w.squeeze(0) for w in weights], images.squeeze(0), norms[0]).unsqueeze(0)
        replicas = zip(zip(*(w.unbind() for w in weights), strict=True), images, norms, strict=True)
        work = [partial(single, w, x, n) for w, x, n in replicas]
        if images.is_cuda and streams.COUNT > 1:
            return torch.stack(streams.spread(work, streams.COUNT))
        return torch.stack([replica() for replica in work])

    return forward


class _Flatten(torch.autograd.Function):
    """Flattening whose gradient has the channels-last memory order of the images.

    The backward pass of a pooling is many times slower if the two memory orders differ.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C * H * W]."""
        ctx.shape = x.shape
        return x.flatten(start_dim=1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """[B, C * H * W] to [B, C, H, W]."""
        return gradient.reshape(ctx.shape).contiguous(memory_format=torch.channels_last)


def flatten(x: Tensor) -> Tensor:
    """Turn images [B, C, H, W] into rows [B, C * H * W], for channels-last convolutions."""
    flat: Tensor = _Flatten.apply(x)
    return flat
