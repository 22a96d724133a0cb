"""Every part runs with every other, as in the study `smoke`."""

import itertools
import math

import pytest

from studies.pairwise import pairwise
from studies.study import find
from studies.trial import FIELDS, Trial
from trainers import check, parts
from trainers.loop import train


def last(trial, data):
    *_, record = train([check(trial)], data)
    return record


def every(kind):
    """The names of all parts of a kind, found as the program finds them."""
    names = [example for part in parts.parts(kind) for example in part.examples]
    # Too few pixels for conv8, too many layers for a test.
    return [n for n in names if n not in ("conv8", "resnet32", "resnet44", "resnet56", "resnet110")]


def told(method):
    """The density that a method must be told, if it must."""
    return {"density": 0.5} if "density" in parts.find("method", method).part.reads else {}


def test_every_two_parts_run_together(digits):
    axes = {kind: every(kind) for kind in ("network", "method", "weights", "activation")}
    axes |= {n: FIELDS[n].metadata["choices"] for n in ("schedule", "augmentation")}
    about = {"dataset": "digits", "epochs": 1, "batch_size": 500, "width": 0.1, "seed": 1}
    outcomes = []
    for values in pairwise(axes):
        given = Trial(**values, **about | told(values["method"]))
        record = last(given, digits)
        outcomes.append(record.final["outcome"])
        assert outcomes[-1] == "diverged" or math.isfinite(record.epoch["test_loss"]), given
        assert 0 <= record.epoch["changed"] <= 1
        assert (record.epoch["changed"] == 0) or given.method not in ("dense", "frozen")
    assert outcomes.count("completed") > 0.8 * len(outcomes)


def test_the_shipped_smoke_study_has_the_papers_parts():
    trials = [check(trial) for trial in find("smoke").trials()]
    for name, values in {
        "network": {"lenet-300-100", "conv2", "conv4", "conv6", "resnet20"},
        "method": {"dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping"},
        "weights": {"he-normal", "he-constant", "glorot-normal", "binary"},
        "activation": {"relu", "silu", "sigmoid", "elu", "selu"},
    }.items():
        assert values <= {getattr(trial, name) for trial in trials}


@pytest.mark.slow
def test_the_full_product_on_lenet(trial, digits):
    axes = {kind: every(kind) for kind in ("method", "weights", "activation")}
    for values in itertools.product(*axes.values()):
        about = {"epochs": 1, "batch_size": 500} | told(values[0])
        given = trial(**dict(zip(axes, values, strict=True)), **about)
        record = last(given, digits)
        assert record.final["outcome"] in ("completed", "diverged", "dead"), given


@pytest.mark.parametrize("network", ["lenet-20-10", "conv2", "resnet8"])
def test_all_negative_weights_are_recorded_as_dead_or_live_on(network, trial, digits):
    given = trial("dense", network=network, width=0.2, positive_fraction=0.0, batch_size=200)
    outcome = last(given, digits).final["outcome"]
    # Batch normalisation takes the mean away, so that no unit is negative for all images.
    assert outcome == ("completed" if network == "resnet8" else "dead")
