"""Gem-Miner by hand, with W, x and the label of test_methods.

    W = [[1, -1], [0.5, 0.5]], scores = [[0.9, 0.2], [0.6, 0.7]], x = (1, 2), label 0

effective = [[1, 0], [0.5, 0.5]], logits (1, 1.5), p = (0.377541, 0.622459)
dL/deffective = 0.622459 [[-1, -2], [1, 2]], times W = 0.622459 [[-1, 2], [0.5, 1]]
"""

import math

import pytest
import torch

from studies.errors import UserError
from studies.trial import Trial
from trainers import check
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Pack, load
from trainers.networks import LayerShape, Network

WEIGHT = [[1.0, -1.0], [0.5, 0.5]]
SCORES = [[0.9, 0.2], [0.6, 0.7]]
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1}
IMAGE = torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2), torch.tensor([[0]])


def begun(name="gem-miner", scores=SCORES, epochs=11, density=0.25, replicas=1, **values):
    """A pack of one layer with the scores above, and its method."""
    trials = [Trial(**ABOUT, method=name, epochs=epochs, density=density, **values)] * replicas
    layer = Layer("fc1", torch.tensor([WEIGHT] * replicas))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), lambda w, x, n: x.flatten(2).bmm(w[0].mT))
    pack, how = Pack(trials, network, [layer]), load(trials[0])
    how.begin(pack, 0, None)
    layer.trained.copy_(torch.tensor([scores] * replicas))
    how.rebuild(pack, layer)
    return pack, layer, how


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-4, atol=1e-6)


def test_a_score_above_one_half_keeps_its_connection():
    pack, layer, how = begun(scores=[[0.9, 0.5], [0.6, 0.7]])
    close(how.mask(pack, layer), [[1.0, 0.0], [1.0, 1.0]])
    close(layer.effective, [[1.0, 0.0], [0.5, 0.5]])


@pytest.mark.parametrize("l2", [1e-5, 0.1])
def test_the_gradient_and_one_step_of_sgd(l2):
    name = "gem-miner(l2=0.1)" if l2 == 0.1 else "gem-miner"
    pack, layer, how = begun(name, optimizer="sgd", learning_rate=0.1)
    assert how.penalty(pack).item() == pytest.approx(l2 * (0.81 + 0.04 + 0.36 + 0.49))
    Autograd(pack, how, 1).step(*IMAGE)
    q = 0.622459
    gradient = [[-q, 2 * q], [q / 2, q]]
    moved = [
        [s - 0.1 * (g + 2 * l2 * s) for s, g in zip(*rows, strict=True)]
        for rows in zip(SCORES, gradient, strict=True)
    ]
    close(layer.trained, moved)


def test_scores_are_clipped():
    pack, layer, how = begun("gem-miner(l2=0)", optimizer="sgd", learning_rate=1.0)
    Autograd(pack, how, 1).step(*IMAGE)  # 0.9 + 0.62, 0.2 - 1.24, 0.6 - 0.31, 0.7 - 0.62
    close(layer.trained, [[1.0, 0.0], [0.6 - 0.622459 / 2, 0.7 - 0.622459]])


def test_the_lowest_scores_become_inactive_for_good():
    # Eleven epochs have two times, before the sixth and the eleventh; 1 - sqrt(1/4) each: a half
    pack, layer, how = begun()
    dropped = {}
    for epoch in range(11):
        pack.epoch = epoch
        how.begin_epoch(pack)
        dropped[epoch] = int((layer.mask == 0).sum())
    assert [dropped[epoch] for epoch in (0, 4, 5, 9, 10)] == [0, 0, 2, 2, 3]
    close(layer.mask, [[1.0, 0.0], [0.0, 0.0]])
    close(layer.effective, [[1.0, 0.0], [0.0, 0.0]])
    layer.trained.fill_(1.0)
    how.rebuild(pack, layer)
    close(how.mask(pack, layer), [[1.0, 0.0], [0.0, 0.0]])
    given = torch.ones(1, 2, 2)
    close(how.gradient(pack, layer, given), [[1 + 2e-5, 2e-5], [2e-5, 2e-5]])


def test_equal_scores_go_together_and_each_replica_has_its_own():
    # 1 - 0.75 = a quarter of four is one; in the second replica two are at zero
    pack, layer, how = begun("gem-miner(period=1)", epochs=2, density=0.75, replicas=2)
    layer.trained[1] = torch.tensor([[0.0, 0.9], [0.0, 0.8]])
    pack.epoch = 1
    how.begin_epoch(pack)
    assert layer.mask.tolist() == [[[1, 0], [1, 1]], [[0, 1], [0, 1]]]
    alone = pack.replicas(slice(1, 2))
    assert torch.equal(how.mask(alone, alone.layers[0])[0], how.mask(pack, layer)[1])


def test_fractions_are_rounded_up():
    pack, layer, how = begun("gem-miner(period=1)", epochs=2, density=0.9)
    pack.epoch = 1
    how.begin_epoch(pack)
    assert int((layer.mask == 0).sum()) == math.ceil(0.1 * 4) == 1


def test_what_is_recorded(trial, digits):
    given = check(trial("gem-miner(period=1)", density=0.2, epochs=4, network="lenet-100"))
    first, *_, last = train([given], digits)
    n = sum(row["connections"] for row in last.layers)
    assert 1 - first.epoch["changed"] == pytest.approx(0.5, abs=0.02)
    kept = sum(row["mask_positive"] for row in last.layers)
    assert 0 < kept <= math.ceil(0.2 * n) + 3
    assert last.epoch["changed"] == 1 - kept / n
    for row in last.layers:
        assert row["mask_negative"] == 0
        assert row["effective_zero"] == row["mask_zero"]
    traits = ("needs_density", "sets_kept_share", "by_mask", "trains_weights", "flips")
    assert [last.final[name] for name in traits] == [True, True, True, False, False]


def test_it_learns_under_its_authors_optimizer(trial, digits):
    recipe = {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "schedule": "cosine"}
    recipe |= {"weights": "he-constant", "network": "lenet-100"}
    given = trial("gem-miner(period=1)", density=0.5, epochs=4, **recipe)
    *_, last = train([given], digits)
    assert last.epoch["test_accuracy"] > 0.7


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 5}, "epochs: 5 are given, but the method gem-miner needs 6 or more"),
        ({"epochs": 6, "density": 0.0}, "density: the method gem-miner needs one"),
        ({"epochs": 6, "trained_layers": "output"}, "the method gem-miner needs all; give trained"),
        ({"epochs": 6, "source": "mnist"}, "source: mnist is given"),
    ],
)
def test_trials_that_are_refused(values, message, trial):
    check(trial("gem-miner", density=0.5, epochs=6))
    with pytest.raises(UserError, match=message):
        check(trial("gem-miner", **{"density": 0.5} | values))
