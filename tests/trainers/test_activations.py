import math

import pytest
import torch

from trainers import registry

#: At -1, 0 and 2, by hand.
AT = {
    "relu": (0, 0, 2),
    "leaky-relu": (-0.01, 0, 2),
    "elu": (math.exp(-1) - 1, 0, 2),
    "selu": (1.0507010 * 1.6732632 * (math.exp(-1) - 1), 0, 1.0507010 * 2),
    "silu": (-1 / (1 + math.e), 0, 2 / (1 + math.exp(-2))),
    "gelu": (-(1 - math.erf(1 / math.sqrt(2))) / 2, 0, 1 + math.erf(2 / math.sqrt(2))),
    "tanh": (-math.tanh(1), 0, math.tanh(2)),
    "sigmoid": (1 / (1 + math.e), 0.5, 1 / (1 + math.exp(-2))),
}


@pytest.mark.parametrize("name", AT)
def test_activations(name):
    activation = registry.load("activation", name)[0].activation
    values = activation(torch.tensor([-1.0, 0.0, 2.0]))
    assert values.tolist() == pytest.approx(AT[name], abs=1e-6)


def test_every_activation_is_tested():
    assert {part.name for part in registry.components("activation")} == AT.keys()
