"""Trials that start from the same network share its evaluation, and no others do."""

import pytest
from engines_support import figures

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
