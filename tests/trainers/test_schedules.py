import itertools

import pytest
import torch

from trainers import registry
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Pack
from trainers.networks import LayerShape, Network
from trainers.schedules import factor


def test_constant():
    assert [factor("constant", p) for p in (0, 0.5, 0.99)] == [1, 1, 1]


def test_steps_are_at_epochs_80_120_and_160_of_200():
    factors = [factor("steps", epoch * 1800 / (200 * 1800)) for epoch in range(200)]
    expected = [1.0] * 80 + [0.1] * 40 + [0.01] * 40 + [0.001] * 40
    assert factors == pytest.approx(expected)


def test_late_steps_are_at_epochs_57_and_71_of_85():
    factors = [factor("late-steps", epoch / 85) for epoch in range(85)]
    assert factors == pytest.approx([1.0] * 57 + [0.1] * 14 + [0.01] * 14)


def test_exponential_is_a_factor_of_nine_tenths_every_ten_epochs_of_a_hundred():
    factors = [factor("exponential", epoch / 100) for epoch in (0, 5, 10, 20, 100)]
    assert factors == pytest.approx([1, 0.9**0.5, 0.9, 0.81, 0.9**10])


def test_cosine_goes_from_one_through_a_half_towards_zero():
    assert factor("cosine", 0) == 1
    assert factor("cosine", 1 / 3) == pytest.approx(0.75)
    assert factor("cosine", 0.5) == pytest.approx(0.5)
    assert 0 < factor("cosine", 0.999) < 1e-5


def test_a_step_is_as_long_as_the_schedule_says(trial):
    # A constant gradient: every Adam step has the length of the learning rate.
    given = trial("dense", schedule="cosine", learning_rate=0.1, adam_epsilon=1e-12)
    layer = Layer("fc1", torch.zeros(1, 2, 2))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), lambda w, x, n: x.flatten(2).bmm(w[0].mT))
    pack, dense = Pack([given], network, [layer]), registry.load("method", "dense")[0].METHOD
    dense.begin(pack, 0, None)
    dense.gradient = lambda pack, layer, gradient: torch.ones_like(gradient)
    engine, places = Autograd(pack, dense, 4), [0.0]
    for _ in range(4):
        engine.step(torch.ones(1, 1, 1, 1, 2), torch.tensor([[0]]))
        places.append(layer.trained[0, 0, 0].item())
    moved = [before - after for before, after in itertools.pairwise(places)]
    expected = [0.1 * factor("cosine", step / 4) for step in range(4)]
    assert moved == pytest.approx(expected, rel=1e-4)
    del dense.gradient


@pytest.mark.parametrize("schedule", ["steps", "cosine", "late-steps", "exponential"])
def test_a_schedule_changes_the_training_and_not_its_first_step(schedule, trial, digits):
    constant, other = (
        [r.epoch["train_loss"] for r in train([trial(schedule=s, epochs=2)], digits)]
        for s in ("constant", schedule)
    )
    assert constant[0] == other[0]
    assert constant[2] != other[2]
