"""Trials of the shipped results, trained again: equal to the bit under the same conditions."""

import os
import random
from pathlib import Path

import pytest
import torch

import analysis
from studies.store import shipped
from studies.trial import FIELDS, Trial
from trainers import datasets, runtime
from trainers.devices import products_of
from trainers.loop import train
from trainers.products import by_name

DATA = Path(os.environ.get("UNTUNED_DATA", "/nowhere"))
#: Results that do not depend on when and where a trial was trained.
FIGURES = ("train_loss", "validation_accuracy", "test_accuracy", "changed", "test_correct")


def trained_again(study, pick):
    """Train one of a study's shipped trials; return what is recorded and what came out."""
    rows = analysis.load(str(shipped.FOLDER / study)).trials.sort_values("trial_id")
    recorded = rows.to_dict("records")[random.Random(pick).randrange(len(rows))]
    if recorded["versions"] != runtime.versions():
        pytest.skip(f"trained under {recorded['versions']}, here is {runtime.versions()}")
    trial = Trial(**{name: recorded[name] for name in FIELDS})
    assert trial.trial_id == recorded["trial_id"]
    data = datasets.load(trial.dataset, datasets.Place(trial.dataset, DATA))
    threads = torch.get_num_threads()
    runtime.settle()
    *_, last = train([trial], data, products=by_name(products_of(recorded["engine"])))
    torch.set_num_threads(threads)
    return {name: recorded[name] for name in FIGURES}, {name: last.final[name] for name in FIGURES}


@pytest.mark.parametrize("pick", [1, 2])
def test_a_trial_on_digits_is_equal_to_the_bit(pick):
    recorded, again = trained_again("thresholds-digits", pick)
    assert again == recorded


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "MNIST" / "raw").is_dir(), reason="MNIST is not in UNTUNED_DATA")
@pytest.mark.parametrize("study", ["start-mnist", "threshold-mnist"])
def test_a_trial_on_mnist_is_equal_to_the_bit(study):
    recorded, again = trained_again(study, 1)
    assert again == recorded
