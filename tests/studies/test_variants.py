"""Parts and variants of a study, without editing its file."""

import pytest
from hypothesis import given as generated
from hypothesis import strategies as st

from studies import variants
from studies.errors import UserError
from studies.study import find, from_mapping

AXES = {"network": "lenet-16", "dataset": "digits", "weights": ["he-normal", "binary"], "epochs": 3}
GRIDS = [
    {"method": ["dense", "free-pruning"]},
    {"method": "edge-popup", "density": [0.25, 0.5], "weights": "binary"},
]


def study(**values):
    content = {"name": "own", "seeds": 1, "axes": AXES, "grids": GRIDS} | values
    return from_mapping(content, where="own.yaml")


def cells(study):
    return [(t.method, t.weights, t.density) for t in study.trials()]


def test_only_keeps_the_trials_with_these_values():
    given = study()
    assert len(given.trials()) == 2 * 2 + 2
    assert cells(given.override(only={"method": "dense"})) == [
        ("dense", "he-normal", 0.0),
        ("dense", "binary", 0.0),
    ]
    both = given.override(only={"weights": ["binary"], "method": ["dense", "edge-popup"]})
    assert cells(both) == [
        ("dense", "binary", 0.0),
        ("edge-popup", "binary", 0.25),
        ("edge-popup", "binary", 0.5),
    ]
    assert both.definition_hash != given.definition_hash


def test_only_knows_values_that_are_left_at_their_default():
    assert {t.method for t in study().override(only={"density": 0}).trials()} == {
        "dense",
        "free-pruning",
    }


@generated(
    st.sets(st.sampled_from(["dense", "free-pruning", "edge-popup"]), min_size=1),
    st.sets(st.sampled_from(["he-normal", "binary"]), min_size=1),
    st.sampled_from(["product", "pairwise"]),
)
def test_a_part_has_the_trials_of_the_study_that_match(methods, weights, combine):
    given = study(combine=combine)
    expected = [t for t in given.trials() if t.method in methods and t.weights in weights]
    only = {"method": sorted(methods), "weights": sorted(weights)}
    if expected:
        assert set(given.override(only=only).trials()) == set(expected)
    else:
        with pytest.raises(UserError, match="no trial of the study own has method="):
            given.override(only=only)


def test_change_gives_all_trials_other_values():
    given = study().override(only={"method": "dense"}, change={"batch_size": [50, 100]})
    assert [(t.weights, t.batch_size) for t in given.trials()] == [
        ("he-normal", 50),
        ("he-normal", 100),
        ("binary", 50),
        ("binary", 100),
    ]
    assert {t.weights for t in study().override(change={"weights": "he-constant"}).trials()} == {
        "he-constant"
    }


def test_a_tuned_field_cannot_be_changed():
    tuned = find("rivals-digits")
    name = next(grid["tuned"][0] for grid in tuned.grids if "tuned" in grid)
    with pytest.raises(UserError, match=f"{name}: the study rivals-digits tunes it; leave it out"):
        tuned.override(change={name: tuned.candidates()[0].values()[name]})


def test_texts_give_fields_and_values():
    texts = ["density=0.5", "density=1e-1", "method=dense", "nesterov=true", "batch-size=7"]
    assert variants.parsed(texts) == {
        "density": [0.5, 0.1],
        "method": ["dense"],
        "nesterov": [True],
        "batch_size": [7],
    }
    assert variants.parsed(["weights=lognormal(sigma=1.5)"])["weights"] == ["lognormal(sigma=1.5)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("density", "'density': give a field and a value, as in density=0.5"),
        ("density=", "'density=': give a field and a value"),
        ("densty=0.5", "unknown field 'densty'; did you mean density?"),
        ("seed=3", "seed is not one of these fields; --seeds 7-7 runs seed 7 alone"),
        ("density=half", "density: 'half' is not a finite number"),
        ("density=[0.5]", r"density: '\[0.5\]' is not a finite number"),
        ("density={a: &b", "density: '{a: &b' is not a finite number"),
        ("nesterov=1", "nesterov: '1' is not true or false"),
        ("revisions=dense-2", "unknown field 'revisions'"),
        ("epochs=010", "epochs: 010: a number that begins with 0; write 10, or 8 if it is octal"),
        ("epochs=1:30", "epochs: 1:30: a number in base 60; write 90"),
        ("learning_rate=1:30.5", r"learning_rate: 1:30\.5: a number in base 60; write 90\.5"),
        ("epochs=yes", "epochs: 'yes' is not a whole number"),
        ("epochs=~", "epochs: '~' is not a whole number"),
        ("epochs=#", "epochs: '#' is not a whole number"),
        ("epochs=1e1", "epochs: '1e1' is not a whole number"),
        ("epochs=0x200000", "epochs: '0x200000' is not a whole number, at least 0, at most"),
        ("epochs=٣", "epochs: '٣' is not a whole number"),
        ("density=1_0e9999", "density: '1_0e9999' is not a finite number"),
        ("density=.nan", r"density: '\.nan' is not a finite number"),
        ("learning_rate=1_0e300", "learning_rate: '1_0e300' is beyond single precision"),
        ("epochs=0o10", "epochs: 0o10: a number in another base; write 8"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(UserError, match=message):
        variants.parsed([text])


@pytest.mark.parametrize(
    ("only", "message"),
    [
        ({"method": "dens"}, "unknown method of the study own 'dens'; did you mean dense?"),
        ({"density": 0.3}, "unknown density of the study own '0.3'; .*known: 0.0, 0.25, 0.5"),
        ({"density": []}, "density: give at least one value"),
        ({"seed": 1}, "seed is not one of these fields"),
    ],
)
def test_a_part_that_is_not_there_is_refused(only, message):
    with pytest.raises(UserError, match=message):
        study().override(only=only)
