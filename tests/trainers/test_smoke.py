"""Every part runs with every other, as in the study `smoke`."""

import itertools
import math
from dataclasses import replace

import pytest

from studies.pairwise import pairwise
from studies.study import find
from studies.trial import FIELDS, Trial
from trainers import check, registry
from trainers.loop import train


def last(trial, data):
    *_, record = train([check(trial)], data)
    return record


@pytest.fixture(scope="module")
def few(digits):
    """Some of the digits: enough for three steps."""
    sizes = {"train": 300, "validation": 40, "test": 60}
    cut = {
        name: {split: getattr(digits, name)[split][:n] for split, n in sizes.items()}
        for name in ("images", "labels")
    }
    return replace(digits, **cut)


def every(kind):
    """The names of all parts of a kind, found as the program finds them."""
    return [example for part in registry.components(kind) for example in part.examples]


#: conv8 needs more pixels than digits have, and deeper residual networks differ in depth alone.
NETWORKS = ["conv2", "conv4", "conv6", "lenet-300-100", "resnet8"]


def needed_by(method):
    """The fields that a method needs: a density, the fewest epochs, and those that it declares."""
    found = registry.find("method", method)
    part = found.component
    needs = dict(part.declared.get("NEEDS", {}))
    needs |= {"density": 0.5} if "density" in part.reads else {}
    least = found.parameters.get("period", 1) + 1
    return needs | {"epochs": least if "LEAST_EPOCHS" in part.declared else 1}


@pytest.mark.slow
def test_every_two_parts_run_together(few):
    axes = {kind: every(kind) for kind in ("method", "activation")}
    axes |= {
        "network": NETWORKS,
        "weights": [p.examples[-1] for p in registry.components("weights")],
    }
    axes["augmentation"] = FIELDS["augmentation"].metadata["choices"]
    about = {"dataset": "digits", "epochs": 1, "batch_size": 100, "width": 0.1, "seed": 1}
    outcomes = []
    for values in pairwise(axes):
        given = Trial(**values, **about | needed_by(values["method"]))
        record = last(given, few)
        outcomes.append(record.final["outcome"])
        assert outcomes[-1] == "diverged" or math.isfinite(record.epoch["test_loss"]), given
        assert 0 <= record.epoch["changed"] <= 1
        assert (record.epoch["changed"] == 0) or given.method not in ("dense", "frozen")
    assert outcomes.count("completed") > 0.8 * len(outcomes)


def test_smoke(few):
    for trial in find("smoke").trials():
        assert last(trial, few).final["outcome"] in ("completed", "diverged", "dead"), trial


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
@pytest.mark.timeout(1800)
def test_the_full_product_on_lenet(trial, few):
    axes = {kind: every(kind) for kind in ("method", "weights", "activation")}
    for values in itertools.product(*axes.values()):
        about = {"batch_size": 100} | needed_by(values[0])
        given = trial(**dict(zip(axes, values, strict=True)), **about)
        record = last(given, few)
        assert record.final["outcome"] in ("completed", "diverged", "dead"), given


@pytest.mark.parametrize("network", ["lenet-20-10", "conv2", "resnet8"])
def test_all_negative_weights_are_recorded_as_dead_or_live_on(network, trial, digits):
    given = trial("dense", network=network, width=0.2, positive_fraction=0.0, batch_size=200)
    outcome = last(given, digits).final["outcome"]
    # Batch normalisation takes the mean away, so that no unit is negative for all images.
    assert outcome == ("completed" if network == "resnet8" else "dead")
