import json
import pickle
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.errors import UserError
from studies.trial import FIELDS, SETTABLE, Trial, check_value

FREE = {
    "network": "lenet-300-100",
    "dataset": "mnist",
    "method": "free-pruning",
    "weights": "he-normal",
    "seed": 1,
    "epochs": 10,
}


def test_ids_are_frozen_for_ever():
    # Literal ids: if one of these changes, every recorded result loses its trial.
    assert Trial(**FREE).trial_id == "55fffa7d4381"
    assert Trial(**FREE | {"seed": 2}).trial_id == "b97c720f077d"
    assert Trial(**FREE, positive_fraction=0.1).trial_id == "59e2f917e216"
    assert Trial(**FREE | {"method": "minimal-flipping"}, penalty=0.5).trial_id == "01cf2ddf50a5"


def test_canonical_json_leaves_out_defaults():
    assert Trial(**FREE, batch_size=25, learning_rate=1e-3).canonical == (
        '{"dataset":"mnist","epochs":10,"method":"free-pruning",'
        '"network":"lenet-300-100","seed":1,"weights":"he-normal"}'
    )
    assert json.loads(Trial(**FREE, batch_size=128).canonical)["batch_size"] == 128


def test_defaults_are_frozen_for_ever():
    defaults = {n: FIELDS[n].default for n in SETTABLE if n not in FREE}
    assert defaults == {
        "positive_fraction": 0.5,
        "activation": "relu",
        "batch_size": 25,
        "learning_rate": 1e-3,
        "adam_epsilon": 1e-7,
        "score_low": 0.01,
        "score_high": 0.1,
        "penalty": 1.0,
        "width": 1.0,
        "affine": False,
        "augmentation": "none",
        "schedule": "constant",
        "rescaling": "none",
        "score_offset": 0.0,
        "density": 0.0,
        "optimizer": "adam",
        "momentum": 0.0,
        "weight_decay": 0.0,
        "labels": "given",
        "source": "",
        "trained_layers": "all",
        "score_seed": -1,
        "order_seed": -1,
        "rounding": 0,
        "nesterov": False,
        "decoupled_decay": 0.0,
    }


def test_a_whole_number_for_a_float_is_the_same_trial():
    assert Trial(**FREE, penalty=1) == Trial(**FREE)
    assert (
        Trial(**FREE, positive_fraction=1).trial_id == Trial(**FREE, positive_fraction=1.0).trial_id
    )
    assert Trial(**FREE, score_low=-0.0).canonical == Trial(**FREE, score_low=0.0).canonical


def test_a_trial_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Trial(**FREE).seed = 2


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("seed", -1, "a whole number, at least 0"),
        ("seed", 1.0, "a whole number"),
        ("seed", True, "a whole number"),
        ("epochs", "10", "a whole number"),
        ("batch_size", 0, "at least 1"),
        ("positive_fraction", 1.01, "at least 0, at most 1"),
        ("learning_rate", 0, "above 0"),
        ("momentum", 1.0, "at least 0, below 1"),
        ("score_offset", 1.0, "at least -100, below 1"),
        ("learning_rate", float("nan"), "a finite number"),
        ("adam_epsilon", float("inf"), "a finite number"),
        ("penalty", 1e308, "beyond single precision, at most 3.402823e+38"),
        ("network", 3, "a name"),
        ("network", "", "a name"),
        ("method", " dense", "white space"),
    ],
)
def test_values_that_are_refused(field, value, allowed):
    with pytest.raises(UserError) as error:
        Trial(**FREE | {field: value})
    message = str(error.value)
    assert message.startswith(f"{field}: {value!r}")
    assert allowed in message
    assert "\n" not in message


def test_misspelt_and_missing_fields_are_named():
    with pytest.raises(UserError, match="unknown field 'batchsize'; did you mean batch_size"):
        Trial.from_mapping(FREE | {"batchsize": 25})
    with pytest.raises(UserError, match="no network and no seed"):
        Trial.from_mapping({k: v for k, v in FREE.items() if k not in ("network", "seed")})


SOME_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "epochs": st.integers(0, 1_000_000),
        "batch_size": st.integers(1, 1_000_000),
        "positive_fraction": st.floats(0, 1) | st.integers(0, 1),
        "learning_rate": st.floats(0, 3e38, exclude_min=True),
        "score_low": st.floats(-3e38, 3e38),
        "weights": st.sampled_from(["he-normal", "lognormal( sigma=1.50 )", "größer"]),
        "affine": st.booleans(),
    },
)


@given(SOME_VALUES)
def test_a_trial_of_checked_values_is_the_same_trial(values):
    trial = Trial(**FREE | values)
    checked = {name: check_value(name, value) for name, value in (FREE | values).items()}
    same = Trial.of_checked(checked)
    assert same == trial
    assert hash(same) == hash(trial)
    assert repr(same) == repr(trial)
    assert (same.canonical, same.trial_id) == (trial.canonical, trial.trial_id)
    again = pickle.loads(pickle.dumps(same))
    assert again == trial
    assert again.trial_id == trial.trial_id
    assert replace(same, seed=7) == replace(trial, seed=7)
    assert replace(same, seed=7).trial_id == Trial(**FREE | values | {"seed": 7}).trial_id


def test_checked_values_are_of_every_field_without_a_default():
    with pytest.raises(KeyError, match="network"):
        Trial.of_checked({name: value for name, value in FREE.items() if name != "network"})


@pytest.mark.parametrize("name", [name for name in SETTABLE if name not in FREE])
def test_a_default_passes_its_own_check(name):
    value = check_value(name, FIELDS[name].default)
    assert (value, type(value)) == (FIELDS[name].default, FIELDS[name].type)


@given(SOME_VALUES)
def test_canonical_json_gives_the_trial_back(values):
    trial = Trial(**FREE | values)
    again = Trial.from_mapping(json.loads(trial.canonical))
    assert again == trial
    assert again.trial_id == trial.trial_id


def test_every_field_is_part_of_the_identity():
    trial = Trial(**FREE)
    other = {str: "another", int: 7, float: 0.25, bool: True}
    for name, about in FIELDS.items():
        value = (about.metadata["choices"] or [other[about.type]])[-1]
        assert replace(trial, **{name: value}).trial_id != trial.trial_id, name


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("lognormal(sigma=1.50)", "lognormal(sigma=1.5)"),
        ("lognormal( sigma = 2.0 )", "lognormal(sigma=2)"),
        ("part(b=1,a=x)", "part(a=x,b=1)"),
        ("binary( scaled )", "binary(scaled)"),
        ("lognormal()", "lognormal"),
        ("lenet-300-100", "lenet-300-100"),
        ("folder(size=32):a(b)", "folder(size=32):a(b)"),
        ("lognormal(sigma=1_0)", "lognormal(sigma=1_0)"),  # for Python a number, but not for us
        ("lognormal(sigma=\u0665)", "lognormal(sigma=\u0665)"),  # an Arabic five
        ("lognormal(sigma=1e999)", "lognormal(sigma=1e999)"),  # no number: shown as written
    ],
)
def test_a_name_has_one_spelling(given, canonical):
    trial = Trial(**FREE | {"weights": given})
    assert trial.weights == canonical
    assert Trial(**FREE | {"weights": canonical}) == trial
