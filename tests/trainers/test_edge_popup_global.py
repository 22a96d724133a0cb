"""Edge-popup over all layers together: two layers of two and three connections, by hand.

    W1 = [[2], [-1]], W2 = [[1, 3], [-2, 4]]     x = 1
    s1 = (5, -1), s2 = ((2, 0), (2, 4))

By their scores: 5, 4, 2, 2, 0, -1. At density 1/2 three of six are dropped: -1, 0 and the first of
the two 2.
"""

import pytest
import torch

from studies.trial import Trial
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Pack, load
from trainers.methods._masks import dropped
from trainers.networks import LayerShape, Network

WEIGHTS = [[[2.0], [-1.0]], [[1.0, 3.0], [-2.0, 4.0]]]
SCORES = [[[5.0], [-1.0]], [[2.0, 0.0], [2.0, 4.0]]]
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1, "epochs": 1}
HALF = [[[1.0], [0.0]], [[0.0, 0.0], [1.0, 1.0]]]


def begun(method="edge-popup(global)", replicas=1, **values):
    """A pack of two layers with the scores above, the same in each replica."""
    trials = [Trial(**ABOUT, method=method, **values)] * replicas
    shapes = (LayerShape("fc1", (2, 1), 1, 2), LayerShape("fc2", (2, 2), 2, 2))
    network = Network(shapes, lambda w, x, n: x.flatten(2).bmm(w[0].mT).bmm(w[1].mT))
    layers = [
        Layer(shape.name, torch.tensor([weight] * replicas), index=index)
        for index, (shape, weight) in enumerate(zip(shapes, WEIGHTS, strict=True))
    ]
    pack, how = Pack(trials, network, layers), load(trials[0])
    how.begin(pack, 0, None)
    for layer, scores in zip(layers, SCORES, strict=True):
        layer.trained.copy_(torch.tensor(scores))
        how.rebuild(pack, layer)
    return pack, how


@pytest.mark.parametrize(
    ("density", "expected"),
    [
        (1.0, [[[1.0], [1.0]], [[1.0, 1.0], [1.0, 1.0]]]),
        (0.8, [[[1.0], [0.0]], [[1.0, 1.0], [1.0, 1.0]]]),  # floor(0.2 * 6) = 1
        (0.5, HALF),
        (0.2, [[[1.0], [0.0]], [[0.0, 0.0], [0.0, 1.0]]]),  # a layer may keep what it likes
        (0.1, [[[1.0], [0.0]], [[0.0, 0.0], [0.0, 0.0]]]),
    ],
)
@pytest.mark.parametrize(("method", "off"), [("edge-popup", 0.0), ("edge-popup-flipping", -1.0)])
def test_masks_and_effective_weights(method, off, density, expected):
    pack, how = begun(f"{method}(global)", replicas=2, density=density)
    for layer, weight, mask in zip(pack.layers, WEIGHTS, expected, strict=True):
        states = torch.where(torch.tensor([mask] * 2) > 0, 1.0, off)
        assert torch.equal(how.mask(pack, layer), states)
        assert torch.equal(layer.effective.detach(), torch.tensor([weight] * 2) * states)


def test_a_replicas_mask_is_that_of_its_pack():
    pack, how = begun(replicas=2, density=0.5)
    pack.layers[1].trained[1] += 10.0
    alone = [pack.replicas(slice(r, r + 1)) for r in (0, 1)]
    for index in (0, 1):
        together = how.mask(pack, pack.layers[index])
        for r in (0, 1):
            assert torch.equal(how.mask(alone[r], alone[r].layers[index])[0], together[r])


def test_the_gradient_and_one_step_of_sgd():
    # effective [[2], [0]], [[0, 0], [-2, 4]]; x = 1: hidden (2, 0), logits (0, -4), label 0:
    # p = (0.982014, 0.017986), dL/dlogits = (-0.017986, 0.017986)
    # dL/dW2 = dL/dlogits hidden^T = [[-0.035972, 0], [0.035972, 0]]
    # dL/dW1 = W2^T dL/dlogits x = (-2 * 0.017986, 4 * 0.017986)
    # times the weights: to all scores
    pack, how = begun(density=0.5, optimizer="sgd", learning_rate=1.0)
    before = [layer.trained.clone() for layer in pack.layers]
    Autograd(pack, how, 1).step(torch.ones(1, 1, 1, 1, 1), torch.tensor([[0]]))
    moved = [b - layer.trained for b, layer in zip(before, pack.layers, strict=True)]
    first = torch.tensor([[[-0.035972 * 2], [0.071945 * -1]]])
    second = torch.tensor([[[-0.035972, 0.0], [0.035972 * -2, 0.0]]])
    torch.testing.assert_close(moved[0], first, rtol=0, atol=2e-6)
    torch.testing.assert_close(moved[1], second, rtol=0, atol=2e-6)


def test_rescaling_goes_by_what_a_layer_keeps():
    # 1 of 2 and 2 of 4: 1 / sqrt(1/2) both; at density 0.8: 1 of 2 and 4 of 4
    pack, _ = begun(density=0.5, rescaling="scale-fan")
    root = 2**0.5
    torch.testing.assert_close(pack.layers[0].effective.detach(), torch.tensor([[[2 * root], [0]]]))
    pack, _ = begun(density=0.8, rescaling="scale-fan")
    torch.testing.assert_close(pack.layers[0].effective.detach(), torch.tensor([[[2 * root], [0]]]))
    torch.testing.assert_close(pack.layers[1].effective.detach(), torch.tensor([WEIGHTS[1]]))


@pytest.mark.parametrize("method", ["edge-popup", "edge-popup-flipping"])
def test_the_density_is_that_of_the_whole_network(method, trial, digits):
    given = trial(f"{method}(global)", density=0.3, learning_rate=0.01)
    found = list(train([given], digits))
    n = 64 * 20 + 20 * 10 + 10 * 10
    for record in found:
        assert sum(row["mask_positive"] for row in record.layers) == n - dropped(0.3, n)
        assert record.epoch["changed"] == dropped(0.3, n) / n
    shares = {row["mask_positive"] / row["connections"] for row in found[-1].layers}
    assert len(shares) == 3
    assert found[-1].epoch["test_accuracy"] > found[0].epoch["test_accuracy"]
