import itertools
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given as generated
from hypothesis import strategies as st

from studies import strict_yaml, trial, tuned
from studies import study as module
from studies.errors import UserError
from studies.study import LIBRARY, find, from_mapping, read, shipped
from studies.trial import Trial

AXES = {"network": "lenet-300-100", "dataset": "digits", "weights": "he-normal", "epochs": 3}


def study(**values):
    return from_mapping({"name": "own", "seeds": 2, "axes": AXES} | values, where="own.yaml")


def write(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return path


def test_axes_are_multiplied_out_and_grids_joined():
    trials = study(
        grids=[
            {"method": ["free-pruning", "free-flipping"], "positive_fraction": [0.1, 0.9]},
            {"method": "dense"},
        ]
    ).trials()
    assert [(t.method, t.positive_fraction, t.seed) for t in trials] == [
        ("free-pruning", 0.1, 1),
        ("free-pruning", 0.1, 2),
        ("free-pruning", 0.9, 1),
        ("free-pruning", 0.9, 2),
        ("free-flipping", 0.1, 1),
        ("free-flipping", 0.1, 2),
        ("free-flipping", 0.9, 1),
        ("free-flipping", 0.9, 2),
        ("dense", 0.5, 1),
        ("dense", 0.5, 2),
    ]


def test_a_trial_in_two_grids_is_one_trial():
    both = study(grids=[{"method": "dense"}, {"method": ["dense", "free-pruning"]}])
    assert [t.method for t in both.trials()] == ["dense", "dense", "free-pruning", "free-pruning"]


@generated(
    seeds=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
    weights=st.lists(st.sampled_from(["a", "b( y=2.0 )", "b(y=2)"]), min_size=1, max_size=3),
    rates=st.lists(st.sampled_from([1, 1.0, 0.5, 1e-3]), min_size=1, max_size=3),
)
def test_trials_are_those_that_are_built_one_by_one(seeds, weights, rates):
    many = {"weights": weights, "learning_rate": rates, "method": ["dense"]}
    one_by_one = [
        Trial(**AXES | {"weights": w, "learning_rate": r, "method": "dense"}, seed=seed)
        for w, r, seed in itertools.product(weights, rates, seeds)
    ]
    trials = study(axes=AXES | many, seeds=seeds).trials()
    assert trials == list(dict.fromkeys(one_by_one))
    assert [t.trial_id for t in trials] == [t.trial_id for t in dict.fromkeys(one_by_one)]


def test_values_are_checked_once_and_not_once_per_trial(monkeypatch):
    given = study(axes=AXES | {"method": ["dense", "free-pruning"], "epochs": [1, 2]}, seeds=50)
    checked = []

    def check_value(name, value):
        checked.append(name)
        return trial.check_value(name, value)

    monkeypatch.setattr(module, "check_value", check_value)
    monkeypatch.setattr(Trial, "__post_init__", lambda self: checked.append("all"))
    assert len(given.trials()) == 2 * 2 * 50
    assert Counter(checked) == {
        "seed": 50,
        "method": 2,
        "epochs": 2,
        "network": 1,
        "dataset": 1,
        "weights": 1,
    }


def test_a_grid_takes_the_place_of_the_common_axes():
    assert {t.epochs for t in study(grids=[{"method": "dense", "epochs": 7}]).trials()} == {7}


def test_seeds_are_a_count_a_range_or_a_list():
    dense = {"grids": [{"method": "dense"}]}
    assert [t.seed for t in study(**dense, seeds=3).trials()] == [1, 2, 3]
    assert [t.seed for t in study(**dense, seeds=[5, 0]).trials()] == [5, 0]
    assert [t.seed for t in study(**dense, seeds="1001-1003").trials()] == [1001, 1002, 1003]


def test_overrides_replace_the_files_seeds_and_epochs():
    given = study(grids=[{"method": "dense", "epochs": [7, 9]}, {"method": "free-pruning"}])
    trials = given.override(seeds=1, epochs=4).trials()
    assert [(t.method, t.seed, t.epochs) for t in trials] == [
        ("dense", 1, 4),
        ("free-pruning", 1, 4),
    ]
    assert given.override() == given


def test_epochs_are_given_once():
    own = study(axes=AXES | {"method": "dense"})
    with pytest.raises(UserError, match="epochs: 1 and another value are given; give one"):
        own.override(epochs=1, change={"epochs": 2})


def test_overrides_may_be_numbers_and_arrays_of_numpy_and_ranges_of_python():
    own = study(axes=AXES | {"method": "dense"})
    given = own.override(
        seeds=range(2, 4), epochs=np.int64(3), change={"learning_rate": np.array([0.5, 0.25])}
    )
    plain = own.override(seeds=[2, 3], epochs=3, change={"learning_rate": [0.5, 0.25]})
    assert given == plain
    assert given.definition_hash == plain.definition_hash
    assert own.override(seeds=np.int64(2), only={"method": np.array(["dense"])}) == own.override(
        seeds=2
    )


def test_a_definition_gives_the_study_back():
    given = study(grids=[{"method": ["dense"], "learning_rate": 3e-3}], margin=0.2)
    again = from_mapping(given.definition(), where="again")
    assert again.trials() == given.trials()
    assert again.definition_hash == given.definition_hash
    assert given.override(seeds=3).definition_hash != given.definition_hash


def test_shipped_studies():
    counts = {name: len(tuned.expected(find(name)).trials()) for name in shipped()}
    assert counts == {
        "digits": 50,
        "lenet-mnist": 33,
        "lenet-mnist-signs": 6,
        "paper-lenet": 15 * ((5 + 2) * 2 + 1),
        "paper-lenet-long": 5 * ((5 + 2) * 3 + 1),
        "paper-conv": 5 * (3 * (5 + 2) * 3 + 1),
        "paper-resnet": 5 * (5 * 3 + 4 + 1),
        "asymmetry": 15 * (5 * 19 + 2 * 3 + 11 + 5 * 4 + 1),
        "asymmetry-conv": 5 * 3 * (6 + 1),
        "binary": 5 * 3 * 4 * 3,
        "binary-lenet": 5 * 3 * 3,
        "activations": 5 * 3 * 2 * 8,
        "widths": 5 * 3 * 5 * 5,
        "rescaling": 5 * 2 * (1 + 3 * 3),
        "threshold-mnist": 15 * (6 + 1) * (3 + 5 + 3) + 15 * 3,
        "densities-mnist": 15 * (4 + 1) * 2 * (1 + 5) + 15,
        "threshold-conv2": 12 + 8 * 6 + 8,
        "start-mnist": 15 * (2 * 2 * 7 + 1),
        "rivals-mnist": 5 * 6 * (4 + 9) + 15 * (4 + 9 * 3 + 1),
        "rivals-digits": 2 * 6 * (4 + 9) + 5 * (4 + 9 * 3 + 1),
        "rivals-published": 3 * (1 + 2 + 1 + 1 + 2 + 1 + 1),
        "rivals-published-conv": 3 * (3 + 1 + 9 + 9 + 3 + 1 + 1),
        "thresholds-digits": 5 * 2 * (4 + 5 + 5),
        "thresholds-conv": 5 * (3 * (2 + 2 + 5 + 1 + 3 + 1) + 1),
        "hidden-threshold": 15 * (2 * (7 + 5 + 3) + 2 * 3 * 5 + 3),
        "pruners": 5 * (4 + 12 * 5),
        "masks-digits": 5 * 4 * (1 + 3 * 2),
        "masks-mnist": 5 * 4 * (1 + 3 * 2),
        "controls-digits": 10 * 2 * (5 + 6 + 2),
        "controls-mnist": 10 * (5 + 6 + 2),
        "effective-size-digits": 5 * 2 * 3 * (1 + 4 * 3 + 1),
        "effective-size-mnist": 5 * (4 * (4 + 2 + 3) + 2 * 4),
        "random-labels-digits": 5 * 2 * 5 * (3 + 1),
        "random-labels-mnist": 5 * 2 * 2 * 3,
        "transfer-digits": 5 * 2 * 2 * 2 * 3,
        "transfer-mnist": 5 * 2 * 2 * 2 * 3,
        "pieces-digits": 5 * (3 * 2 + 4 + 1 + 3 * 2 + 1),
        "pieces-cifar10": 5 * (3 * 2 + 4),
        "smoke": 91,  # at least 11 * 8, its two longest axes
    }
    assert [name for name in shipped() if find(name).keep_masks] == ["masks-digits", "masks-mnist"]
    mnist = find("lenet-mnist").trials()
    assert {(t.batch_size, t.learning_rate, t.epochs) for t in mnist} == {(25, 1e-3, 10)}
    assert all(find(name).name == name and find(name).description for name in shipped())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sedes": 3}, "own.yaml: unknown field 'sedes'; did you mean seeds"),
        ({"axes": AXES | {"metod": "dense"}}, "axes: unknown field 'metod'; did you mean method"),
        ({"axes": AXES | {"seed": [1]}}, "axes: seed is not an axis; write seeds: N"),
        ({"axes": AXES | {"batch_size": "25"}}, "axes: batch_size: '25' is not a whole number"),
        ({"axes": AXES | {"learning_rate": [1e-3, -1]}}, "axes: learning_rate: -1 is not"),
        ({"axes": AXES | {"revisions": "x=2"}}, "axes: unknown field 'revisions'"),
        ({"axes": [1]}, "axes: [1] is not a mapping"),
        ({"axes": AXES | {"method": []}}, "method: [] is an empty grid"),
        ({"axes": AXES | {"method": {"a": 1}}}, "method: {'a': 1} is not a name"),
        ({"axes": AXES | {"method": None}}, "method: None is not a name"),
        ({"grids": []}, "grids: [] is an empty grid"),
        (
            {"grids": [{"method": "dense"}, {"weights": []}]},
            "grids.1: weights: [] is an empty grid",
        ),
        ({"grids": [{"epochs": 1}]}, "grids.0 has no method"),
        ({}, "own.yaml: has no method; put it into axes"),
        ({"grids": [{"method": "dense"}], "seeds": 0}, "seeds: 0 is not a number of seeds"),
        ({"grids": [{"method": "dense"}], "seeds": []}, "seeds: [] is an empty grid"),
        ({"grids": [{"method": "dense"}], "seeds": "5"}, "seeds: '5' is neither a number such as"),
        ({"grids": [{"method": "dense"}], "seeds": 2.5}, "seeds: 2.5 is neither a number such as"),
        (
            {"grids": [{"method": "dense"}], "margin": -1},
            "margin: -1 is not a number of points above 0",
        ),
        (
            {"grids": [{"method": "dense"}], "margin": 500},
            "margin: 500 is not a number of points above 0",
        ),
        ({"grids": [{"method": "dense"}], "name": "own.yaml"}, "name: 'own.yaml': a study is not "),
        ({"axes": AXES | {"seeds": 3}}, "axes: seeds is not an axis; write seeds: N at the top"),
        (
            {"grids": [{"method": "dense", "seeds": "fersh"}]},
            "seeds: 'fersh' is neither tuning, nor fresh, nor a range or a list of the study's",
        ),
        (
            {"grids": [{"method": "dense"}], "tuning_seeds": "seed+1000"},
            "'seed+1000' is neither a list of seeds, nor a range such as 2001-2015, nor seed + ",
        ),
        (
            {"grids": [{"method": "dense"}], "name": "../up"},
            "name: '../up': only lower-case letters",
        ),
    ],
)
def test_study_files_that_are_refused(change, message):
    with pytest.raises(UserError) as error:
        study(**change)
    assert message in str(error.value)
    assert str(error.value).startswith("own.yaml: ")


def test_a_pairwise_study_has_every_two_values_in_one_trial():
    axes = {"method": ["dense", "free-pruning"], "epochs": [1, 2, 3], "weights": ["a", "b"]}
    given = study(axes=AXES | axes, seeds=2, combine="pairwise")
    trials = given.trials()
    assert len(trials) < 2 * 2 * 3 * 2
    for one, other in itertools.combinations(axes, 2):
        met = {(getattr(t, one), getattr(t, other)) for t in trials if t.seed == 1}
        assert met == set(itertools.product(axes[one], axes[other]))
    assert {t.seed for t in trials} == {1, 2}
    assert given.override(seeds=1).trials() == [t for t in trials if t.seed == 1]


def test_a_data_sets_path_is_no_part_of_its_trials(tmp_path):
    text = (
        "seeds: 1\naxes: {network: lenet-5, dataset: 'folder:images/pets', method: dense,"
        " weights: he-normal, epochs: 1}\n"
    )
    given = read(write(tmp_path, text))
    assert [trial.dataset for trial in given.trials()] == ["folder:pets"]
    assert given.data == {"folder:pets": f"folder:{tmp_path}/images/pets"}  # beside the file
    again = from_mapping(given.definition(), where="again")
    assert again == given
    moved = given.override(data={"folder:pets": "folder:/elsewhere/pets"})
    assert moved.trials() == given.trials()
    assert moved.definition_hash == given.definition_hash
    assert moved.data == {"folder:pets": "folder:/elsewhere/pets"}


def test_a_data_set_is_named_in_the_study_file(tmp_path):
    text = (
        "seeds: 1\ndata: {pets: 'parquet(size=8):images'}\naxes: {network: lenet-5,"
        " dataset: [pets, digits], method: dense, weights: he-normal, epochs: 1}\n"
    )
    given = read(write(tmp_path, text))
    assert [trial.dataset for trial in given.trials()] == ["pets", "digits"]
    assert given.data == {"pets": f"parquet(size=8):{tmp_path}/images"}


def test_two_folders_of_one_name_are_refused():
    with pytest.raises(UserError, match=r"folder:pets is folder:/a/pets already; name them apart"):
        study(axes=AXES | {"method": "dense", "dataset": ["folder:/a/pets", "folder:/b/pets"]})


def test_seeds_to_tune_on_are_run_too_and_kept_apart():
    given = study(axes=AXES | {"method": "dense"}, seeds=2, tuning_seeds=[7, 8])
    assert [trial.seed for trial in given.trials()] == [1, 2, 7, 8]
    assert given.confirmatory_seeds == [1, 2]
    assert given.override(seeds=3).confirmatory_seeds == [1, 2, 3]
    assert from_mapping(given.definition(), "again") == given
    with pytest.raises(UserError, match="tuning_seeds: 2 is among seeds too"):
        study(axes=AXES | {"method": "dense"}, seeds=2, tuning_seeds=[2, 3])


def test_definitions_that_say_nothing_new_keep_their_hash():
    # Literal: recorded definitions are found by this hash.
    assert find("digits").definition_hash == "329d672a1c3e"


def test_a_study_file_is_named_after_its_file(tmp_path):
    path = write(tmp_path, "seeds: 1\naxes: {network: lenet-5, dataset: digits, method: dense,"
                           " weights: he-normal, epochs: 1}\n")  # fmt: skip
    assert read(path).name == "own"
    assert find(str(path)) == read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds: [1\n", "not YAML"),
        ("- a\n- b\n", "a study file is a mapping"),
        ("", "a study file is a mapping"),
        ("seeds: 1\nseeds: 2\n", "the key 'seeds' is given twice"),
        ("? [a]\n: 3\n", "a key must be a name"),
        ("description: 2026-99-99\n", "not YAML: month must be in 1..12"),
        ("seeds: !!python/object/apply:os.system ['true']\n", "not YAML"),
    ],
)
def test_files_that_are_not_studies(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(UserError) as error:
        read(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="Is a directory"):
        read(tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="not UTF-8"):
        read(tmp_path / "bytes.yaml")
    with pytest.raises(UserError, match="unknown study 'digit'; did you mean digits"):
        find("digit")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 1e-3), ("3E5", 3e5), ("-1.5e2", -150.0), ("1e", "1e"), ("0.1", 0.1), ("1", 1)],
)
def test_numbers_in_yaml(text, value):
    assert strict_yaml.load(f"x: {text}") == {"x": value}


@pytest.mark.parametrize(
    "text", ["1e5", "1e-3", "0x10", "1_000", "yes", "1:30", "null", "- a", "ü"]
)
def test_what_is_recorded_is_read_again_as_it_was(text):
    content = {"description": text, "values": [text, 1e-3, 100000.0]}
    assert strict_yaml.load(strict_yaml.dump(content)) == content


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("010", "write 10, or 8 if it is octal"),
        ("-017", "write -17, or -15 if it is octal"),
        ("08", "write 8, or '08' if it is a text"),
        ("00", "write 0,"),
        ("0_7", "write 7,"),
        ("1:30", "write 90, or '1:30'"),
        ("-1:30", "write -90,"),
        ("1:30.5", "write 90.5,"),
        ("190:20:30", "write 685230,"),
        ("0o17", "write 15,"),
        ("0X1F", "write 31,"),
    ],
)
def test_numbers_that_mean_something_else_in_yaml_are_refused(text, meant, tmp_path):
    for where in ("x: {}", "- [1, {}]", "{}: x"):
        with pytest.raises(yaml.YAMLError) as error:
            strict_yaml.load(where.format(text), by_hand=True)
        assert f"{text}: a number " in str(error.value)
        assert meant in str(error.value)
    assert strict_yaml.load(f"x: '{text}'", by_hand=True) == {"x": text}
    assert strict_yaml.load(strict_yaml.dump({"x": text}), by_hand=True) == {"x": text}
    path = tmp_path / "mine.yaml"
    path.write_text(f"seeds: {text}\n")
    with pytest.raises(UserError, match=r"mine.yaml: not YAML: .*\(line 1, column 8\)"):
        read(path)


@pytest.mark.parametrize("text", ["0", "-0", "10", "0.5", "01.5", "0x1f", "0b11", "1_000", "1e3"])
def test_numbers_that_mean_what_they_seem_to(text):
    assert strict_yaml.load(f"x: {text}", by_hand=True) == strict_yaml.load(f"x: {text}")


def test_a_text_that_was_recorded_without_quotes_is_read_as_it_was():
    assert strict_yaml.load("name: 08\n") == {"name": "08"}


def test_a_pipe_is_no_study_file_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/null")):
        with pytest.raises(UserError, match=f"study file {path}: it is a pipe or a device; give"):
            find(str(path))


@pytest.mark.parametrize("name", ["mine.YAML", "mine.Yml"])
def test_the_case_of_a_study_files_suffix_does_not_matter(tmp_path, monkeypatch, name):
    (tmp_path / name).write_bytes((LIBRARY / "digits.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert find(name).name == "mine"


@pytest.mark.parametrize(
    "url",
    ["https://host/x.yaml", "s3://bucket/x.yml", "file:///tmp/x.yaml", "https://host/raw?x=1"],
)
def test_a_study_file_is_not_read_from_a_url(url):
    with pytest.raises(UserError, match="are read from disk; fetch it") as error:
        find(url)
    assert str(error.value).startswith(f"study file {url}: ")
