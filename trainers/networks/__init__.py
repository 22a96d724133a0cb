"""Networks: one file each, with a function `build`.

    build(numbers, input_shape, classes, activation) -> Network

`numbers` are those in the network's name, `input_shape` is [channels, height, width] without the
batch, `activation` is applied after each hidden layer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from studies.trial import Trial
from trainers import parts


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


@dataclass(frozen=True)
class Network:
    """A network without weights of its own.

    Attributes:
        layers: the layers with weights, from input to output.
        forward: (weights, images) -> logits; weights [R, *shape] per layer, images
            [R, B, channels, height, width], logits [R, B, classes]; R replicas side by side.
    """

    layers: tuple[LayerShape, ...]
    forward: Callable[[Sequence[Tensor], Tensor], Tensor]


def build(trial: Trial, input_shape: tuple[int, ...], classes: int) -> Network:
    """The network that a trial names, for a data set's shape.

    Raises:
        UserError: the network cannot take such images.
    """
    part, numbers = parts.load("network", trial.network)
    activation = parts.load("activation", trial.activation)[0].activation
    network: Network = part.build(numbers, input_shape, classes, activation)
    return network
