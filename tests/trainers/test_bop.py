"""Bop by hand, with W, x and the label of test_methods.

    W = [[1, -1], [0.5, 0.5]], x = (1, 2), label 0

Dense: logits (-1, 1.5), dL/deffective = 0.924142 [[-1, -2], [1, 2]]. With a rate of 1/2:
m = [[-0.462071, -0.924142], [0.462071, 0.924142]], which has the sign of each weight but the first.
"""

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
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1, "epochs": 1}
SGD = {"optimizer": "sgd", "learning_rate": 0.5}
IMAGE = torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2), torch.tensor([[0]])


def begun(tau):
    """A pack of one layer, and its method."""
    trial = Trial(**ABOUT, **SGD, method=f"bop(tau={tau})")
    layer = Layer("fc1", torch.tensor([WEIGHT]))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), lambda w, x, n: x.flatten(2).bmm(w[0].mT))
    pack, how = Pack([trial], network, [layer]), load(trial)
    how.begin(pack, 0, None)
    return pack, layer, how


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-4, atol=1e-6)


def test_it_starts_with_no_sign_flipped():
    pack, layer, how = begun(0)
    close(how.mask(pack, layer), [[1.0, 1.0], [1.0, 1.0]])
    close(layer.effective, WEIGHT)


@pytest.mark.parametrize(
    ("tau", "states"),
    [
        (0.4, [[1.0, -1.0], [-1.0, -1.0]]),
        (0.6, [[1.0, -1.0], [1.0, -1.0]]),
        (0.95, [[1.0, 1.0], [1.0, 1.0]]),
    ],
)
def test_one_step_flips_what_momentum_above_the_threshold_pushes_against(tau, states):
    pack, layer, how = begun(tau)
    Autograd(pack, how, 2).step(*IMAGE)
    close(layer.trained, [[-0.462071, -0.924142], [0.462071, 0.924142]])
    close(how.mask(pack, layer), states)
    close(layer.effective, (torch.tensor(WEIGHT) * torch.tensor(states)).tolist())


def test_momentum_is_a_running_mean_and_does_not_flip_twice():
    # effective [[1, 1], [-0.5, -0.5]]: logits (3, -1.5), gradient 0.010987 [[-1, -2], [1, 2]]
    pack, layer, how = begun(0.4)
    engine = Autograd(pack, how, 2)
    engine.step(*IMAGE)
    engine.step(*IMAGE)
    close(layer.trained, [[-0.236529, -0.473058], [0.236529, 0.473058]])
    close(how.mask(pack, layer), [[1.0, -1.0], [-1.0, -1.0]])  # m no longer pushes against them
    layer.trained.neg_()
    how.rebuild(pack, layer)
    close(how.mask(pack, layer), [[1.0, 1.0], [-1.0, 1.0]])  # flipped back; 0.236529 is too little


def test_momentum_at_the_threshold_flips():
    pack, layer, how = begun(0.5)
    layer.trained.copy_(0.5 * layer.weight.sign())
    how.rebuild(pack, layer)
    close(how.mask(pack, layer), [[-1.0, -1.0], [-1.0, -1.0]])


def test_what_is_recorded(trial, digits):
    given = trial("bop(tau=0.001)", optimizer="sgd", learning_rate=0.1)
    *_, last = train([given], digits)
    for row in last.layers:
        assert row["mask_zero"] == row["effective_zero"] == 0
        assert row["mask_negative"] + row["mask_positive"] == row["connections"]
    flipped = sum(row["mask_negative"] for row in last.layers)
    assert flipped > 0
    assert last.epoch["changed"] == flipped / sum(row["connections"] for row in last.layers)
    traits = ("flips", "by_mask", "sets_kept_share", "trains_weights", "needs_density")
    assert [last.final[name] for name in traits] == [True, True, True, False, False]


def test_a_lower_threshold_flips_more_and_it_learns(trial, digits):
    found = {}
    for tau in (1e-2, 1e-3):
        given = trial(f"bop(tau={tau})", optimizer="sgd", learning_rate=0.03, network="lenet-100")
        *_, found[tau] = train([given], digits)
    assert found[1e-2].epoch["changed"] < found[1e-3].epoch["changed"]
    assert max(record.epoch["test_accuracy"] for record in found.values()) > 0.7


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "optimizer: adam is given, but the method bop needs sgd; give optimizer: sgd"),
        ({"optimizer": "sgd", "momentum": 0.9}, "momentum: 0.9 is given, but it makes no differ"),
        ({"optimizer": "sgd", "weight_decay": 0.1}, "weight_decay: 0.1 is given, but it makes no"),
    ],
)
def test_trials_that_are_refused(values, message, trial):
    with pytest.raises(UserError, match=message):
        check(trial("bop", **values))
