"""Numbers and sentences, word by word."""

import math

import pytest

import analysis
from analysis.numbers import counted, extent, listed, number, span, with_interval
from analysis.report.wording import estimates, lead


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (1.005, False, "1.00"),
        (-0.384, True, "\N{MINUS SIGN}0.38"),
        (0.25, True, "+0.25"),
        (-0.001, True, "0.00"),
        (math.nan, False, "\N{EN DASH}"),
    ],
)
def test_number(value, sign, text):
    assert number(value, 2, sign=sign) == text


def test_mean_with_its_interval():
    assert with_interval(0.9747, 0.9716, 0.9778, 2) == "97.47 [97.16, 97.78]"
    minus = "\N{MINUS SIGN}"
    assert with_interval(-0.001, -0.003, 0.001, 1, sign=True) == f"{minus}0.1 [{minus}0.3, +0.1]"
    assert with_interval(0.9747, math.nan, math.nan, 2) == "97.47"


def test_span():
    assert span([0.9736, 0.97, math.nan], 2) == "97.00 to 97.36"
    assert span([0.5, 0.50001], 1) == "50.0"
    assert span([math.nan], 1) == "\N{EN DASH}"


def test_counts_and_lists():
    assert extent([5, 3, 4], "seed") == "3 to 5 seeds"
    assert extent([3, 3], "seed") == "3 seeds"
    assert extent([1], "seed") == "1 seed"
    assert [listed(["a", "b", "c"][:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]
    assert counted({"diverged": 2, "dead": 1}) == "2 diverged, 1 dead"
    assert counted({"diverged": 0, "dead": 1}) == "1 dead"
    assert counted({"diverged": 0}) == ""


def _final(trial):
    shift = {"dense": 0.0, "free-pruning": -0.03, "free-flipping": 0.001}[trial.method]
    accuracy = 0.95 + shift + (trial.seed - 2) * (0.001 if trial.method == "dense" else 0.0011)
    return {"test_accuracy": accuracy, "changed": 0.0 if trial.method == "dense" else 0.25}


METHODS = ["dense", "free-pruning", "free-flipping"]


def test_answer_of_one_setting(study, record):
    results = analysis.load(record(study(margin=0.5, method=METHODS), _final))
    assert dict(estimates(results)["methods"]) == {
        "dense": "95.00% test accuracy.",
        "free-pruning": "92.00% test accuracy, \N{MINUS SIGN}3.00 points relative to dense from "
        "the same weights, with 25.0% of the connections changed. The 95% interval of the "
        "difference lies entirely below the margin.",
        "free-flipping": "95.10% test accuracy, +0.10 points relative to dense from the same "
        "weights, with 25.0% of the connections changed. The 95% interval of the difference lies "
        "within the margin.",
    }
    assert "0.5 points (the margin)" in lead(results)


def test_answer_over_two_cells(study, record):
    weights = ["he-normal", "he-constant"]
    results = analysis.load(record(study(margin=0.5, method=METHODS, weights=weights), _final))
    said = dict(estimates(results)["methods"])["free-pruning"]
    assert said.endswith("lies entirely below the margin in 2 of 2 cells.")
    assert "(2 combinations of weights: he-normal, he-constant)" in lead(results)


def test_softmax_regression_is_no_cell_of_dense_training(study, record):
    grids = [{"method": METHODS}, {"network": "linear", "method": "dense", "epochs": 5}]
    results = analysis.load(record(study(margin=0.5, grids=grids), _of_networks))
    assert dict(estimates(results)["methods"])["dense"] == "95.00% test accuracy."
    assert lead(results) == (
        "Means over seeds. A difference of up to 0.5 points (the margin) counts as none. "
        "Softmax regression, which is not shown, reaches 92.00%."
    )


def _of_networks(trial):
    return {"test_accuracy": 0.92, "changed": 0.0} if trial.network == "linear" else _final(trial)


def test_single_pairs_have_no_interval_to_judge(study, record):
    results = analysis.load(record(study(margin=0.5, seeds=1)))
    said = dict(estimates(results)["methods"])["free-pruning"]
    assert "There is no interval to compare with the margin" in said


def test_without_dense_or_margin_no_difference_is_told(study, record):
    results = analysis.load(record(study(method=["free-pruning"])))
    said = dict(estimates(results)["methods"])["free-pruning"]
    assert "dense" not in said
    assert "margin" not in said + lead(results)


def test_equal_pairs_are_no_certainty(study, record):
    def final(trial):
        return {"test_accuracy": 0.9 if trial.method == "dense" else 0.8, "changed": 0.2}

    results = analysis.load(record(study(margin=0.5), final))
    said = dict(estimates(results)["methods"])["free-pruning"]
    assert said.endswith(
        "There is no interval to compare with the margin: a single pair, or all pairs are equal."
    )


def test_cells_that_cross_the_margin_and_cells_without_an_interval(study, record):
    def final(trial):
        crosses = trial.method != "dense" and trial.weights == "he-normal"
        away = -0.005 + 0.002 * (trial.seed - 2) if crosses else 0.0
        return {"test_accuracy": 0.9 + away, "changed": 0.2}

    weights = ["he-normal", "he-constant"]
    results = analysis.load(record(study(margin=0.5, weights=weights), final))
    said = dict(estimates(results)["methods"])["free-pruning"]
    assert said.endswith(
        "The 95% interval of the difference crosses the margin in 1 of 2 cells; in 1 there is no "
        "interval (a single pair, or all pairs are equal)."
    )
