"""Trials that start from the same network share its evaluation, and no others do."""

import pytest
import torch
from engines_support import figures

from trainers import methods, networks, packs
from trainers.batches import Batches
from trainers.loop import train
from trainers.measures import evaluation


@pytest.fixture
def evaluated(monkeypatch):
    """The splits that were evaluated, in their order."""
    asked, real = [], evaluation.evaluate_once
    monkeypatch.setattr(evaluation, "_start", evaluation._Start())
    monkeypatch.setattr(
        evaluation,
        "evaluate_once",
        lambda pack, batches, split, observer=None: (
            asked.append(split) or real(pack, batches, split, observer)
        ),
    )
    return asked


BEFORE = ["validation", "test", "train"]


def test_free_pruning_starts_as_dense_training_does(trial, digits, evaluated, monkeypatch):
    given = trial("free-pruning", epochs=1)
    alone = figures(list(train([given], digits)), given)
    controls = ["test"] * 3
    assert evaluated == BEFORE + BEFORE + controls  # before and after training
    monkeypatch.setattr(evaluation, "_start", evaluation._Start())
    list(train([trial("dense", epochs=1)], digits))
    evaluated.clear()
    assert figures(list(train([given], digits)), given) == alone
    assert evaluated == BEFORE + controls


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"weights": "he-constant"},
        {"network": "lenet-10-20"},
        {"activation": "tanh"},
        {"labels": "permuted"},
        {"method": "random-pruning", "density": 0.5},
    ],
)
def test_another_network_or_other_labels_are_evaluated_anew(other, trial, digits, evaluated):
    alone = list(train([trial(**{"epochs": 0} | other)], digits))
    first = [value for name, value in alone[0].epoch.items() if not name.endswith("_seconds")]
    list(train([trial(epochs=0)], digits))
    evaluated.clear()
    again = list(train([trial(**{"epochs": 0} | other)], digits))
    assert evaluated[:3] == BEFORE
    after = [value for name, value in again[0].epoch.items() if not name.endswith("_seconds")]
    assert after == first


def test_equal_weights_with_other_statistics_are_evaluated_anew(trial, digits):
    """A method may have shown images to batch normalisation."""
    given, cpu = trial("dense", network="resnet8", width=0.2), torch.device("cpu")
    pack = packs.assemble([given], networks.build(given, digits.shape, digits.classes), cpu)
    batches, how = Batches(digits, [given], cpu), methods.load(given)
    how.begin(pack, 0, batches)
    before = evaluation.evaluate_start(pack, how, batches, "test")
    for norm in pack.norms[0]:
        norm.running_var.mul_(4.0)
    after = evaluation.evaluate_start(pack, how, batches, "test")
    assert not torch.equal(after.loss, before.loss)


class Halved(methods.Method):
    """Is evaluated with half of the weights that it trains."""

    def evaluated(self, pack):
        for layer in pack.layers:
            layer.effective.detach().mul_(0.5)
        yield
        for layer in pack.layers:
            layer.effective.detach().mul_(2.0)


def test_a_method_with_states_of_its_own_is_evaluated_anew(trial, digits):
    given, cpu = trial("dense"), torch.device("cpu")
    pack = packs.assemble([given], networks.build(given, digits.shape, digits.classes), cpu)
    batches, how = Batches(digits, [given], cpu), methods.load(given)
    how.begin(pack, 0, batches)
    before = evaluation.evaluate_start(pack, how, batches, "test")
    after = evaluation.evaluate_start(pack, Halved(), batches, "test")
    assert not torch.equal(after.loss, before.loss)
