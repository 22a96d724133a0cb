"""Networks: one file each, with a function `build`.

    build(wanted: NetworkSpec) -> Network

No network has biases (arXiv:2006.16627, section 3). A network that is written for one replica, as
any with convolutions, passes its forward function through `side_by_side`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from studies.errors import UserError
from studies.trial import Trial
from trainers import registry


@dataclass(frozen=True)
class LayerShape:
    """A layer's weights.

    Attributes:
        name: such as ``fc1``.
        shape: of one replica's weights, [outputs, inputs, ...].
        fan_in: connections into one output unit.
        fan_out: connections out of one input unit.
    """

    name: str
    shape: tuple[int, ...]
    fan_in: int
    fan_out: int


#: A trial holds about six numbers of four bytes per connection.
_MOST_CONNECTIONS = 2**30

#: Batch normalisations of one replica in the order of the forward pass, [B, C, H, W] to the same.
Norms = Sequence[Callable[[Tensor], Tensor]]


@dataclass(frozen=True)
class Network:
    """A network without weights of its own.

    Attributes:
        layers: the layers with weights, from input to output.
        forward: (weights, images, norms) -> logits; weights [R, *shape] per layer, images
            [R, B, channels, height, width], norms of each replica, logits [R, B, classes].
        channels: of each batch normalisation, in the order of the forward pass.
        evaluation_batch: images per batch of an evaluation; small enough for a CPU's memory to
            keep up.
        plain: whether it is fully connected layers with the activation between them, nothing else.
    """

    layers: tuple[LayerShape, ...]
    forward: Callable[[Sequence[Tensor], Tensor, Sequence[Norms]], Tensor]
    channels: tuple[int, ...] = ()
    evaluation_batch: int = 1_000
    plain: bool = False


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is built for.

    Attributes:
        name: the network's name, for errors.
        numbers: those in the name.
        input_shape: channels, height and width of an image.
        classes: how many.
        activation: of the hidden layers, elementwise.
        width: factor on the units or channels of every hidden layer.
        rising: whether the activation never falls, so that it may follow max-pooling.
    """

    name: str
    numbers: tuple[int, ...]
    input_shape: tuple[int, int, int]
    classes: int
    activation: Callable[[Tensor], Tensor]
    width: float = 1.0
    rising: bool = False

    def pooled(self, x: Tensor) -> Tensor:
        """Activation and 2x2 max-pooling, in the order that has less to compute."""
        if self.rising:
            return self.activation(F.max_pool2d(x, 2))
        return F.max_pool2d(self.activation(x), 2)

    def wide(self, units: int) -> int:
        """So many units or channels times the width, rounded, at least one."""
        return max(1, int(units * self.width + 0.5))

    def too_small(self, least: int) -> UserError:
        """The error for images with fewer pixels than the network needs."""
        _, height, width = self.input_shape
        return UserError(
            f"network {self.name}: it halves images and needs at least {least}x{least} pixels, "
            f"these have {height}x{width}; take a network with fewer layers, or larger images"
        )


def build(trial: Trial, input_shape: tuple[int, int, int], classes: int) -> Network:
    """The network that a trial names, for a data set's shape.

    Raises:
        UserError: the network cannot take such images, or is too large.
    """
    activation = registry.load("activation", trial.activation)[0]
    wanted = NetworkSpec(
        trial.network,
        registry.find("network", trial.network).numbers,
        input_shape,
        classes,
        activation.activation,
        width=trial.width,
        rising=getattr(activation, "RISING", False),
    )
    network = _built(wanted)
    connections = sum(math.prod(layer.shape) for layer in network.layers)
    if connections > _MOST_CONNECTIONS:
        raise UserError(
            f"network {trial.network}: {connections:,} connections; at most {_MOST_CONNECTIONS:,} "
            "are allowed; take fewer units, or a smaller width"
        )
    return network


def wiring(
    trial: Trial,
    input_shape: tuple[int, int, int],
    classes: int,
    activation: Callable[[Tensor], Tensor],
) -> Network:
    """The network that a trial names with another activation, and means in the place of maxima.

    So that it shows which paths there are: a mean has them all, a maximum one for each input.
    """
    numbers = registry.find("network", trial.network).numbers
    about = (trial.network, numbers, input_shape, classes, activation)
    return _built(_Wiring(*about, width=trial.width))


class _Wiring(NetworkSpec):
    """Asks for a network that averages where it would take maxima."""

    def pooled(self, x: Tensor) -> Tensor:
        """Activation and the mean of 2x2."""
        return F.avg_pool2d(self.activation(x), 2)


def _built(wanted: NetworkSpec) -> Network:
    network: Network = registry.load("network", wanted.name)[0].build(wanted)
    return network


def dense_shape(name: str, inputs: int, outputs: int) -> LayerShape:
    """A fully connected layer's weights, [outputs, inputs]."""
    return LayerShape(name, (outputs, inputs), inputs, outputs)


def convolution_shape(name: str, inputs: int, outputs: int, kernel: int = 3) -> LayerShape:
    """A convolution's weights, [outputs, inputs, kernel, kernel]; fans as Keras counts them."""
    area = kernel * kernel
    return LayerShape(name, (outputs, inputs, kernel, kernel), inputs * area, outputs * area)


def side_by_side(
    single: Callable[[Sequence[Tensor], Tensor, Norms], Tensor],
) -> Callable[[Sequence[Tensor], Tensor, Sequence[Norms]], Tensor]:
    """A forward pass of R replicas from that of one, each computed by itself.

    Args:
        single: (weights, images [B, C, H, W], norms) -> logits [B, classes] of one replica.
    """

    def forward(weights: Sequence[Tensor], images: Tensor, norms: Sequence[Norms]) -> Tensor:
        """Logits, see `Network.forward`."""
        if len(images) == 1:  # views only: nothing is copied in the backward pass
            return single([w.squeeze(0) for w in weights], images.squeeze(0), norms[0]).unsqueeze(0)
        replicas = zip(zip(*(w.unbind() for w in weights), strict=True), images, norms, strict=True)
        return torch.stack([single(w, x, n) for w, x, n in replicas])

    return forward


class _Flatten(torch.autograd.Function):
    """Flattening whose gradient comes back in the channels-last order of the images.

    The backward pass of a pooling is many times slower where the two lie in memory differently.
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
    """Images [B, C, H, W] as rows [B, C * H * W]; for convolutions that compute channels last."""
    flat: Tensor = _Flatten.apply(x)
    return flat
