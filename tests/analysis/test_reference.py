"""The comparison with the official implementation."""

import pytest

import analysis
from analysis.reference import as_text, compare, main, official
from studies.study import find


def test_official_data_is_complete():
    whole = official().query("layer == 'all'")
    assert not whole.isna().any(axis=None)
    assert whole.groupby(["method", "weights", "positive_fraction"])[
        "seed"
    ].nunique().to_dict() == {
        ("dense", "he-normal", 0.5): 3,
        ("free-flipping", "he-constant", 0.5): 3,
        ("free-pruning", "he-constant", 0.1): 1,
        ("free-pruning", "he-constant", 0.5): 3,
        ("free-pruning", "he-constant", 0.9): 1,
        ("free-pruning", "he-normal", 0.5): 3,
        ("minimal-flipping", "he-normal", 0.5): 3,
        ("minimal-pruning", "he-constant", 0.5): 3,
    }
    assert sorted(whole["epoch"].unique()) == list(range(11))
    assert official()["layer"].nunique() == 4


@pytest.mark.parametrize(
    ("method", "weights", "accuracy", "changed"),
    [
        ("dense", "he-normal", 97.45, 0),
        ("free-pruning", "he-normal", 97.47, 36.49),
        ("free-pruning", "he-constant", 97.84, 34.79),
        ("minimal-pruning", "he-constant", 96.77, 7.98),
        ("free-flipping", "he-constant", 97.64, 30.83),
        ("minimal-flipping", "he-normal", 96.77, 3.59),
    ],
)
def test_official_means_are_the_published_table(method, weights, accuracy, changed):
    ends = official().query(
        "layer == 'all' and epoch == 10 and positive_fraction == 0.5"
        " and method == @method and weights == @weights"
    )
    assert ends["test_accuracy"].mean() * 100 == pytest.approx(accuracy, abs=0.006)
    assert ends["changed"].mean() * 100 == pytest.approx(changed, abs=0.006)


@pytest.fixture
def ours(record, tmp_path):
    """Results of both studies of `make verify` at the official means, plus given deviations."""
    means = official().query("layer == 'all' and epoch == 10")
    means = means.groupby(["method", "weights", "positive_fraction"])[["test_accuracy", "changed"]]
    at_ten = means.mean().to_dict("index")

    def make(accuracy=0.0, changed=0.0, method="free-pruning", skip=None):
        def final(trial):
            known = at_ten.get((trial.method, trial.weights, trial.positive_fraction))
            known = known or {"test_accuracy": 0.9, "changed": 0.1}
            moved = trial.method == method
            return {
                "test_accuracy": known["test_accuracy"] + moved * accuracy / 100,
                "changed": known["changed"] + moved * changed / 100,
            }

        studies = [find("lenet-mnist"), find("lenet-mnist-signs")]
        return [record(s, final, lambda trial: trial.method != skip) for s in studies]

    return make


def _last(uris):
    table = compare(analysis.load(uris))
    assert len(table) == 16
    return table.query("epoch == 10").set_index(["method", "weights", "positive_fraction"])


def test_equal_means_are_within(ours):
    table = _last(ours())
    assert table["within"].all()
    assert table["accuracy_difference"].abs().max() < 1e-9
    assert table["seeds"].tolist() == [3] * 8
    assert sorted(table["official_seeds"]) == [1, 1, 3, 3, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("deviation", "three_seeds", "one_seed"),
    [
        ({"accuracy": 0.5}, False, True),
        ({"accuracy": -0.5}, False, True),
        ({"accuracy": 0.3}, True, True),
        ({"accuracy": 1.1}, False, False),
        ({"changed": 0.9}, True, True),
        ({"changed": -1.1}, False, True),
    ],
)
def test_deviations(ours, deviation, three_seeds, one_seed):
    table = _last(ours(**deviation))
    within = table["within"].to_dict()
    assert within["free-pruning", "he-constant", 0.5] == three_seeds
    assert within["free-pruning", "he-normal", 0.5] == three_seeds
    assert within["free-pruning", "he-constant", 0.1] == one_seed
    assert within["dense", "he-normal", 0.5]


def test_missing_configuration_is_not_within(ours):
    row = _last(ours(skip="dense")).loc[("dense", "he-normal", 0.5)]
    assert row["seeds"] == 0
    assert not row["within"]
    assert row["official_accuracy"] == pytest.approx(97.45)


def test_a_nan_is_not_within(ours):
    table = _last(ours(accuracy=float("nan"), method="dense"))
    assert not table.loc[("dense", "he-normal", 0.5), "within"]


def test_other_recipes_do_not_count(record):
    other = find("lenet-mnist").override(epochs=12)
    table = compare(analysis.load(record(other)))
    assert table["seeds"].tolist() == [0] * 16


def test_the_command_prints_a_table_and_fails_on_deviation(ours, capsys):
    assert main(ours(accuracy=0.5)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| method")
    assert set(lines[1]) <= set("|-: ")
    assert len({len(line) for line in lines[:18]}) == 1
    assert any("NO" in line for line in lines)
    assert "rows are within tolerance" in lines[-1]


def test_rows_of_the_text(ours):
    text = as_text(compare(analysis.load(ours(skip="dense"))))
    assert text.count("MISSING") == 2
    row = next(line for line in text.splitlines() if "0.9 |    10" in line)
    assert "3 / 1" in row
    assert row.count(" 0.00 ") == 2


def test_no_results_is_a_users_mistake(tmp_path, capsys):
    assert main([str(tmp_path / "lenet-mnist")]) == 2
    assert "untuned run lenet-mnist" in capsys.readouterr().err
