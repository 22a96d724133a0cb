"""Continuous sparsification by hand, with W, x and the label of test_methods.

    W = [[1, -1], [0.5, 0.5]], x = (1, 2), label 0, scores = [[ln 3, -ln 3], [0, 0]]

sigmoid(scores) = [[3/4, 1/4], [1/2, 1/2]], at a start of 0 divided by 1/2.
effective = [[1.5, -0.5], [0.5, 0.5]], logits (0.5, 1.5), p = (0.268941, 0.731059)
dL/deffective = 0.731059 [[-1, -2], [1, 2]], times W = 0.731059 [[-1, 2], [0.5, 1]]
dsoft/dscore = 2 sigmoid (1 - sigmoid) = [[3/8, 3/8], [1/2, 1/2]]
"""

import math

import pytest
import torch

from studies.trial import Trial
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Pack, load
from trainers.networks import LayerShape, Network

WEIGHT = [[1.0, -1.0], [0.5, 0.5]]
SCORES = [[math.log(3), -math.log(3)], [0.0, 0.0]]
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1}
NAME = "continuous-sparsification"


def begun(name=NAME, epochs=3, **values):
    """A pack of one layer with the scores above, and its method."""
    trial = Trial(**ABOUT, method=name, epochs=epochs, **values)
    layer = Layer("fc1", torch.tensor([WEIGHT]))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), lambda w, x, n: x.flatten(2).bmm(w[0].mT))
    pack, how = Pack([trial], network, [layer]), load(trial)
    how.begin(pack, 0, None)
    start = layer.trained.clone()
    layer.trained.copy_(torch.tensor([SCORES]))
    how.rebuild(pack, layer)
    return pack, layer, how, start


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-4, atol=1e-6)


def test_before_training_the_soft_mask_is_one():
    for start in (0.0, -0.1, 2.0):
        name = f"{NAME}(start={start})" if start else NAME
        pack, layer, how, scores = begun(name)
        close(scores, [[start, start], [start, start]])
        how.begin(pack, 0, None)
        close(layer.effective, WEIGHT)


def test_soft_in_training_and_hard_when_trained():
    pack, layer, how, _ = begun()
    close(layer.effective, [[1.5, -0.5], [0.5, 0.5]])
    close(how.mask(pack, layer), [[1.0, 0.0], [0.0, 0.0]])
    assert how.deployed(pack)
    close(layer.effective, [[2.0, 0.0], [0.0, 0.0]])
    pack, layer, how, _ = begun(f"{NAME}(start=1)")
    how.deployed(pack)
    close(layer.effective, [[1 + math.exp(-1), 0.0], [0.0, 0.0]])


def test_beta_rises_by_the_same_factor_in_each_epoch():
    pack, layer, how, _ = begun(f"{NAME}(final=4)")
    for epoch, beta in enumerate((1, 2, 4)):
        pack.epoch = epoch
        how.begin_epoch(pack)
        chance = 3**beta / (1 + 3**beta)  # sigmoid(beta ln 3)
        close(layer.effective, [[2 * chance, -2 * (1 - chance)], [0.5, 0.5]])


@pytest.mark.parametrize("l1", [1e-8, 0.1])
def test_the_gradient_and_one_step_of_sgd(l1):
    name = f"{NAME}(l1={l1})" if l1 > 1e-8 else NAME
    pack, layer, how, _ = begun(name, optimizer="sgd", learning_rate=1.0)
    assert how.penalty(pack).item() == pytest.approx(l1 * (1.5 + 0.5 + 1 + 1))
    images = torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2)
    Autograd(pack, how, 1).step(images, torch.tensor([[0]]))
    q = 0.731059
    gradient = [[(l1 - q) * 3 / 8, (l1 + 2 * q) * 3 / 8], [(l1 + q / 2) / 2, (l1 + q) / 2]]
    close(layer.trained, [[SCORES[i][j] - gradient[i][j] for j in (0, 1)] for i in (0, 1)])


def test_the_gradient_rises_with_beta():
    # beta 200^(1/2) in the second of three epochs: dsoft/dscore = 2 beta (1/4) where the score is 0
    pack, layer, how, _ = begun(f"{NAME}(l1=0)")
    layer.trained.zero_()
    pack.epoch = 1
    gradient = how.gradient(pack, layer, torch.ones(1, 2, 2))
    close(gradient, (torch.tensor(WEIGHT) * 200**0.5 / 2).tolist())


def test_between_rounds_what_was_dropped_stays_dropped():
    pack, layer, how, _ = begun(f"{NAME}(rounds=2,start=0.5)", epochs=3)
    assert how.rounds(pack.trial) == (3, 3)
    how.begin(pack, 1, None)
    close(layer.trained, [[0.5, -200 * math.log(3)], [0.0, 0.0]])


def test_what_is_recorded_is_of_the_hard_mask(trial, digits):
    given = trial(NAME, network="lenet-100", optimizer="sgd", learning_rate=0.1, momentum=0.9)
    first, *_, last = train([given], digits)
    assert first.epoch["changed"] == 1.0  # all scores are at zero, which is not above it
    for row in last.layers:
        assert row["mask_negative"] == 0
        assert row["effective_zero"] == row["mask_zero"] > 0
        assert row["connected"] <= row["mask_positive"]
    assert last.epoch["test_accuracy"] > 0.8
    assert last.epoch["penalty_loss"] > 0
    traits = ("by_mask", "sets_kept_share", "trains_weights", "random_mask", "flips")
    assert [last.final[name] for name in traits] == [True, True, False, False, False]


def test_rounds_are_recorded_as_epochs(trial, digits):
    *_, last = train([trial(f"{NAME}(rounds=2)", batch_size=200)], digits)
    assert last.final["last_epoch"] == 4


def test_a_higher_price_keeps_fewer(trial, digits):
    about = {"optimizer": "sgd", "learning_rate": 1.0, "network": "lenet-50"}
    kept = []
    for l1 in ("", ",l1=0.001"):
        *_, last = train([trial(f"{NAME}(start=0.1{l1})", **about)], digits)
        kept.append(1 - last.epoch["changed"])
    assert kept[1] < kept[0]
