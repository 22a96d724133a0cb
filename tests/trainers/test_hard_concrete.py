"""Hard-concrete gates by hand, with W, x and the label of test_methods.

At log a = 0 and u = 1/2 a gate is 1.2 / 2 - 0.1 = 1/2, and dgate/dlog a = 1.2 (1/4) / (2/3) = 0.45.
It is above zero with probability sigmoid(0 - (2/3) ln(0.1 / 1.1)) = 0.831821.
"""

import math

import pytest
import torch

from studies.trial import Trial
from trainers.batches import Batches
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Pack, load
from trainers.methods._draws import uniform
from trainers.methods.hard_concrete import gates
from trainers.networks import LayerShape, Network, build
from trainers.packs import assemble

WEIGHT = [[1.0, -1.0], [0.5, 0.5]]
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1, "epochs": 1}


def begun(log_a, method="hard-concrete", **values):
    """A pack of one layer with this log a, and its method."""
    trial = Trial(**ABOUT, method=method, **values)
    layer = Layer("fc1", torch.tensor([WEIGHT]))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), lambda w, x, n: x.flatten(2).bmm(w[0].mT))
    pack, how = Pack([trial], network, [layer]), load(trial)
    how.begin(pack, 0, None)
    layer.trained.copy_(torch.tensor([log_a]))
    how.rebuild(pack, layer)
    return pack, layer, how


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-4, atol=1e-6)


def test_gates_and_their_derivative_by_hand():
    # u = 0.9: soft = sigmoid(1.5 ln 9) = 27 / 28; u = 0.1: 1 / 28; both clipped, which has no slope
    log_a = torch.tensor([[0.0, 0.0, 0.0, math.log(3) / 1.5]])
    gate, slope = gates(log_a, torch.tensor([[0.5, 0.9, 0.1, 0.5]]))
    # soft = sigmoid(ln 3) = 3 / 4
    close(gate, [0.5, 1.0, 0.0, 0.8])
    close(slope, [0.45, 0.0, 0.0, 1.8 * 3 / 16])


def test_the_trained_gate_may_be_a_fraction():
    # 1.2 sigmoid(log a) - 0.1: 1/2 at 0, 0.8 at ln 3; above 1 and below 0 it is clipped
    pack, layer, how = begun([[0.0, math.log(3)], [4.0, -3.0]])
    close(how.mask(pack, layer), [[1.0, 1.0], [1.0, 0.0]])
    assert how.deployed(pack)
    close(layer.effective, [[0.5, -0.8], [0.5, 0.0]])


def test_the_penalty_is_the_expected_number_of_gates_above_zero():
    pack, _, how = begun([[0.0, 0.0], [0.0, 0.0]], "hard-concrete(l0=0.5)")
    assert how.penalty(pack).item() == pytest.approx(0.5 * 4 * 0.831821, rel=1e-5)


def test_the_gradient_and_one_step_are_those_of_autograd():
    pack, layer, how = begun(
        [[0.3, -0.2], [0.1, 0.4]], "hard-concrete(l0=0.01)", optimizer="sgd", learning_rate=1.0
    )
    log_a = layer.trained.clone().requires_grad_()
    u = uniform(pack, layer, 0)
    soft = torch.sigmoid((torch.log(u) - torch.log(1 - u) + log_a) * 1.5)
    weight = torch.tensor([WEIGHT])
    effective = weight * (1.2 * soft - 0.1).clamp(0, 1)
    x = torch.tensor([1.0, 2.0])
    loss = torch.nn.functional.cross_entropy((effective[0] @ x)[None], torch.tensor([0]))
    chance = torch.sigmoid(log_a - 2 / 3 * math.log(0.1 / 1.1))
    (loss + 0.01 * chance.sum()).backward()
    torch.testing.assert_close(layer.effective.detach(), effective.detach())
    Autograd(pack, how, 1).step(x.view(1, 1, 1, 1, 2), torch.tensor([[0]]))
    torch.testing.assert_close(layer.trained, (log_a - log_a.grad).detach())
    assert layer.steps == 1


def test_log_a_stays_between_the_logarithms_of_a_hundredth_and_a_hundred():
    _, layer, _ = begun([[9.0, -9.0], [1.0, 0.0]])
    close(layer.trained, [[math.log(100), -math.log(100)], [1.0, 0.0]])


def test_it_starts_near_zero_and_draws_anew_in_each_step(trial, digits):
    given = trial("hard-concrete", network="lenet-300-100")
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    how = load(given)
    how.begin(pack, 0, Batches(digits, [given], torch.device("cpu")))
    layer = pack.layers[0]
    assert layer.trained.mean().item() == pytest.approx(0, abs=5e-4)
    assert layer.trained.std().item() == pytest.approx(0.01, rel=0.03)
    first = layer.effective.detach().clone()
    # P(gate = 0) = 1 - 0.8318, and by symmetry P(gate = 1) is the same
    for end in (first == 0, first == layer.weight):
        assert end.double().mean().item() == pytest.approx(0.1682, abs=0.02)
    how.rebuild(pack, layer)
    assert torch.equal(layer.effective.detach(), first)
    how.gradient(pack, layer, torch.zeros_like(layer.weight))
    how.rebuild(pack, layer)
    assert not torch.equal(layer.effective.detach(), first)


def test_what_is_recorded_is_of_the_trained_gates(trial, digits):
    kept = []
    for name in ("hard-concrete", "hard-concrete(l0=0.001)"):
        *_, last = train([trial(name, network="lenet-100", learning_rate=0.1, epochs=3)], digits)
        for row in last.layers:
            assert row["effective_zero"] == row["mask_zero"]
            assert row["mask_negative"] == 0
        kept.append(1 - last.epoch["changed"])
        assert last.epoch["penalty_loss"] > 0
    assert kept[1] < kept[0] < 1
    assert last.epoch["test_accuracy"] > 0.8
    traits = ("sets_kept_share", "by_mask", "trains_weights", "random_mask", "flips")
    assert [last.final[name] for name in traits] == [True, False, False, False, False]
