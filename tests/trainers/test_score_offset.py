"""A constant threshold other than zero is a start of the scores that is shifted against it."""

import itertools

import pytest
import torch

from trainers import methods, networks, packs
from trainers.batches import Batches
from trainers.engines.autograd import Autograd
from trainers.methods import _connections

CPU = torch.device("cpu")
LOW, WIDTH = 0.01, 0.09
#: A threshold between the ends of the range, exactly representable.
THRESHOLD = 2.0**-5


def begun(given, data):
    """A pack with its scores drawn, and its method."""
    pack = packs.assemble([given], networks.build(given, data.shape, data.classes), CPU)
    how = methods.load(given)
    how.begin(pack, 0, None)
    return pack, how


def scores(given, data):
    pack, _ = begun(given, data)
    return torch.cat([layer.trained.flatten() for layer in pack.layers])


@pytest.mark.parametrize("threshold", [-0.5, -0.01, 0.0, THRESHOLD, 0.05, 0.09])
def test_scores_start_lower_by_the_threshold(threshold, trial, digits):
    offset = (threshold - LOW) / WIDTH
    shifted = scores(trial(score_offset=offset), digits)
    plain = scores(trial(), digits)
    torch.testing.assert_close(shifted, plain - threshold, rtol=1e-6, atol=1e-8)
    assert ((shifted > 0) == (plain > threshold)).all()  # none is so close that rounding decides


def test_below_zero_the_range_begins_so_many_widths_above_zero(trial, digits):
    moved = scores(trial(score_offset=-2), digits)
    assert 2 * WIDTH <= moved.min() < 2.01 * WIDTH
    assert 2.99 * WIDTH < moved.max() <= 3 * WIDTH
    assert (scores(trial(score_offset=-1, score_high=0.0101), digits) > 0).all()


@pytest.mark.parametrize("method", ["free-pruning", "free-flipping", "minimal-pruning"])
def test_training_is_the_same_to_the_bit(method, trial, digits, monkeypatch):
    """In double precision, so that no score is so close to the threshold that rounding decides."""
    given = trial(method, learning_rate=2e-3)
    trainings = []
    for threshold, moved_by in ((THRESHOLD, 0.0), (0.0, THRESHOLD)):
        monkeypatch.setattr(_connections, "THRESHOLD", threshold)
        pack, how = begun(given, digits)
        for layer in pack.layers:
            layer.weight = layer.weight.double()
            layer.trained = layer.trained.double() - moved_by
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            if layer.penalty_gradient is not None:
                layer.penalty_gradient = layer.penalty_gradient.double()
            how.rebuild(pack, layer)
        engine, states = Autograd(pack, how, 30), []
        batches = Batches(digits, [given], CPU).training(1)
        for images, labels in itertools.islice(batches, 30):
            logits = engine.step(images.double(), labels)
            states.append((logits, *(la.effective.detach().clone() for la in pack.layers)))
        trainings.append((states, pack))
    (one, first), (other, second) = trainings
    for ours, theirs in zip(one, other, strict=True):
        assert all(map(torch.equal, ours, theirs))
    changed = [a != b for a, b in zip(one[0][1:], one[-1][1:], strict=True)]
    assert all(layer.any() for layer in changed)  # masks did move
    for ours, theirs in zip(first.layers, second.layers, strict=True):
        torch.testing.assert_close(ours.trained - THRESHOLD, theirs.trained, rtol=0, atol=1e-14)
