"""The table of traits that stands in for what older results did not record, against the methods."""

from dataclasses import asdict
from pathlib import Path

import pytest

from studies import traits
from studies.traits import TRAITS, MethodTraits, traits_of
from studies.trial import Trial
from trainers import datasets, registry
from trainers.loop import train
from trainers.methods import Method
from trainers.methods._traits import traits_of_method

COMMON = {"network": "lenet-5", "dataset": "digits", "weights": "he-normal", "seed": 1, "epochs": 2}


def made(method, **values):
    return Trial(**COMMON | values, method=method)


@pytest.mark.parametrize(
    "name", [name for c in registry.components("method") for name in c.examples]
)
def test_the_table_says_what_the_methods_say(name):
    assert traits_of(name) == traits_of_method(made(name))


def test_the_table_has_the_shipped_methods_and_no_other():
    shipped = {component.name for component in registry.components("method")}
    assert set(traits._BY_NAME) == shipped


def test_the_defaults_are_those_that_the_methods_declare():
    declared = {c.name: c.declared.get("PARAMETERS", {}) for c in registry.components("method")}
    numbers = {
        method: {name: values[0] for name, values in parameters.items() if values != (False,)}
        for method, parameters in declared.items()
    }
    assert {method: values for method, values in numbers.items() if values} == traits._DEFAULTS


def test_a_density_and_a_penalty_set_the_fraction_kept():
    names = {name for c in registry.components("method") for name in c.examples}
    free = {name for name in names if not traits_of(name).sets_kept_share}
    weights = ["", "(shuffled)", "(redrawn)"]
    assert free == {
        *("dense", "frozen", "free-pruning", "free-flipping", "supermask"),
        *(f"free-{how}-weights{kind}" for how in ("pruning", "flipping") for kind in weights),
    }


def test_stages_leave_the_traits_as_they_are():
    staged = made("free-flipping", source="digits-0-4", trained_layers="output")
    assert traits_of_method(staged) == traits_of_method(made("free-flipping"))
    assert traits_of_method(staged) == MethodTraits(trains_weights=False, by_mask=True, flips=True)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("dense", {}),
        ("minimal-flipping", {}),
        ("edge-popup", {"density": 0.5}),
        ("supermask", {}),
        ("snip(shuffled)", {"density": 0.5}),
        ("free-pruning", {"trained_layers": "output"}),
    ],
)
def test_they_are_recorded_with_a_trial(method, values):
    data = datasets.load("digits", datasets.Place("digits", Path()))
    trial = made(method, **values)
    final = list(train([trial], data))[-1].final
    assert {name: final[name] for name in TRAITS} == asdict(traits_of(method))


def test_they_are_each_trials_own_in_a_pack_of_several_methods():
    data = datasets.load("digits", datasets.Place("digits", Path()))
    pack = [made("dense"), made("free-flipping"), made("free-pruning")]
    finals = {r.trial.method: r.final for r in train(pack, data) if r.final}
    assert [finals[trial.method]["flips"] for trial in pack] == [False, True, False]
    assert [finals[trial.method]["trains_weights"] for trial in pack] == [True, False, False]


def test_every_method_of_this_project_that_keeps_scores_says_that_it_trains_no_weights():
    for component in registry.components("method"):
        method = component.load()
        if isinstance(getattr(method, "METHOD", None), Method):
            scores = type(method.METHOD).scores is not Method.scores
            assert not (scores and method.METHOD.trains_weights), component.name
