"""Signed supermasks by hand, with W, x and the label of test_methods.

    W = [[1, -1], [0.5, 0.5]], x = (1, 2), label 0
    scores = [[0.5, -0.5], [0.1, -0.9]], threshold 0.2: mask [[1, -1], [0, -1]]

effective = [[1, 1], [0, -0.5]], logits (3, -1), p = (0.982014, 0.017986)
dL/deffective = 0.017986 [[-1, -2], [1, 2]], times W: dL/dscore.
"""

import math

import pytest
import torch

from studies.trial import Trial
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Pack, load
from trainers.networks import LayerShape, Network, build
from trainers.packs import assemble

WEIGHT = [[1.0, -1.0], [0.5, 0.5]]
SCORES = [[0.5, -0.5], [0.1, -0.9]]
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1, "epochs": 1}


def begun(method="signed-supermask", threshold=0.2, **values):
    """A pack of one layer with the scores and the threshold above, and its method."""
    trial = Trial(**ABOUT, method=method, **values)
    layer = Layer("fc1", torch.tensor([WEIGHT]))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), lambda w, x, n: x.flatten(2).bmm(w[0].mT))
    pack, how = Pack([trial], network, [layer]), load(trial)
    how.begin(pack, 0, None)
    layer.trained.copy_(torch.tensor([SCORES]))
    layer.threshold = torch.tensor([[[threshold]]])
    how.rebuild(pack, layer)
    return pack, layer, how


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-4, atol=1e-6)


def test_three_states():
    pack, layer, how = begun()
    close(how.mask(pack, layer), [[1.0, -1.0], [0.0, -1.0]])
    close(layer.effective, [[1.0, 1.0], [0.0, -0.5]])


def test_a_score_at_the_threshold_is_hidden():
    pack, layer, how = begun(threshold=0.5)
    close(how.mask(pack, layer), [[0.0, 0.0], [0.0, -1.0]])
    pack, layer, how = begun("signed-supermask(tau=0)", threshold=0.0)
    layer.trained[0, 0, 0] = 0.0
    close(how.mask(pack, layer), [[0.0, -1.0], [1.0, -1.0]])


def test_the_gradient_reaches_hidden_scores_and_one_step():
    pack, layer, how = begun(optimizer="sgd", learning_rate=1.0)
    images = torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2)
    Autograd(pack, how, 1).step(images, torch.tensor([[0]]))
    gradient = [[-0.017986, 0.035972], [0.008993, 0.017986]]
    moved = [
        [s - g for s, g in zip(*rows, strict=True)] for rows in zip(SCORES, gradient, strict=True)
    ]
    close(layer.trained, moved)


def test_the_threshold_is_a_fraction_of_the_largest_score_at_the_start(trial, digits):
    trials = [trial("signed-supermask(tau=0.75)", seed=seed, network="conv2") for seed in (1, 2)]
    pack = assemble(trials, build(trials[0], digits.shape, 10), torch.device("cpu"))
    how = load(trials[0])
    how.begin(pack, 0, None)
    for layer, shape in zip(pack.layers, pack.network.layers, strict=True):
        receptive = math.prod(shape.shape[2:])
        end = math.sqrt(6 / ((shape.shape[0] + shape.shape[1]) * receptive))
        largest = layer.trained.abs().flatten(1).amax(dim=1)
        assert (largest <= end).all()
        assert (largest > 0.9 * end).all()
        assert torch.equal(layer.threshold.flatten(), 0.75 * largest)
        hidden = (how.mask(pack, layer) == 0).double().mean().item()
        assert hidden == pytest.approx(0.75, abs=5 * 0.43 / math.sqrt(layer.weight.numel()) + 0.02)
        before = layer.threshold.clone()
        layer.trained.mul_(3.0)
        how.rebuild(pack, layer)
        assert torch.equal(layer.threshold, before)  # it does not follow the scores


def test_what_is_recorded(trial, digits):
    given = trial("signed-supermask", network="lenet-50-50", weights="elu-constant")
    *_, first, last = train([given], digits)
    for record in (first, last):
        for row in record.layers:
            states = [row[f"mask_{sign}"] for sign in ("negative", "zero", "positive")]
            assert all(states)
            assert sum(states) == row["connections"]
            assert row["effective_zero"] == row["mask_zero"]
        changed = sum(row["mask_negative"] + row["mask_zero"] for row in record.layers)
        assert record.epoch["changed"] == changed / sum(row["connections"] for row in record.layers)
    assert last.final["needs_density"] is last.final["flips"] is last.final["by_mask"] is False
    assert last.final["sets_kept_share"] is True


def test_it_learns_under_its_authors_optimizer(trial, digits):
    recipe = {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "learning_rate": 0.05}
    recipe |= {"decoupled_decay": 5e-4, "schedule": "exponential", "activation": "elu"}
    given = trial("signed-supermask", weights="elu-constant", network="lenet-100", **recipe)
    found = [r.epoch for r in train([given], digits)]
    assert found[-1]["test_accuracy"] > 0.8
    assert found[-1]["changed"] > found[0]["changed"]  # decay hides connections
