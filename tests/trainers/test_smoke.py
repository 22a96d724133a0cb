"""Every part runs with every other: the study `smoke`, without Ray."""

import itertools
import math

import pytest

from studies.study import find
from trainers import check, parts
from trainers.loop import train


def last(trial, data):
    *_, record = train([check(trial)], data)
    return record


def test_smoke_names_all_parts_but_conv8():
    # digits have too few pixels for conv8's four poolings
    trials = find("smoke").trials()
    for kind in ("network", "method", "weights", "activation"):
        named = {parts.find(kind, getattr(trial, kind)).part.name for trial in trials}
        assert named == {part.name for part in parts.parts(kind)}
    names = {trial.network for trial in trials}
    assert {"conv2", "conv4", "conv6", "resnet8", "resnet20"} < names


def test_smoke(digits):
    outcomes = []
    for trial in find("smoke").trials():
        record = last(trial, digits)
        outcomes.append(record.final["outcome"])
        assert outcomes[-1] == "diverged" or math.isfinite(record.epoch["test_loss"]), trial
        assert 0 <= record.epoch["changed"] <= 1
        assert record.epoch["changed"] == 0 or trial.method not in ("dense", "frozen")
    assert outcomes.count("completed") > 0.8 * len(outcomes)


@pytest.mark.slow
def test_the_full_product_on_lenet(trial, digits):
    axes = {
        kind: [example for part in parts.parts(kind) for example in part.examples]
        for kind in ("method", "weights", "activation")
    }
    for values in itertools.product(*axes.values()):
        given = trial(**dict(zip(axes, values, strict=True)), epochs=1, batch_size=500)
        record = last(given, digits)
        assert record.final["outcome"] in ("completed", "diverged", "dead"), given


@pytest.mark.parametrize("network", ["lenet-20-10", "conv2", "resnet8"])
def test_all_negative_weights_are_recorded_as_dead_or_live_on(network, trial, digits):
    given = trial("dense", network=network, width=0.2, positive_fraction=0.0, batch_size=200)
    outcome = last(given, digits).final["outcome"]
    # Batch normalisation takes the mean away, so that no unit is negative for all images.
    assert outcome == ("completed" if network == "resnet8" else "dead")
