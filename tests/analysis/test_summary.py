"""The table of cells, by hand."""

import math

import pytest

import analysis
from analysis.estimates.summary import summary

ACCURACY = {
    ("dense", 1): 0.90,
    ("dense", 2): 0.92,
    ("dense", 3): 0.94,
    ("free-pruning", 1): 0.91,
    ("free-pruning", 2): 0.94,
    ("free-pruning", 3): 0.97,
}


def _known(trial):
    changed = 0.0 if trial.method == "dense" else 0.3
    return {"test_accuracy": ACCURACY[trial.method, trial.seed], "changed": changed}


def test_by_hand(study, record):
    table = summary(analysis.load(record(study(), _known)))
    assert table["method"].tolist() == ["dense", "free-pruning"]
    dense, pruning = (row for _, row in table.iterrows())
    # s = 0.02, half = 4.303 * 0.02 / sqrt(3) = 0.04968
    assert dense["accuracy"] == pytest.approx(0.92)
    assert dense["accuracy_low"] == pytest.approx(0.92 - 0.04968, abs=1e-5)
    assert dense["accuracy_high"] == pytest.approx(0.92 + 0.04968, abs=1e-5)
    assert (dense["changed"], dense["pairs"], dense["n"], dense["planned"]) == (0, 0, 3, 3)
    assert math.isnan(dense["difference"])
    # differences 0.01, 0.02, 0.03: s = 0.01
    assert pruning["difference"] == pytest.approx(0.02)
    assert pruning["difference_low"] == pytest.approx(0.02 - 0.02484, abs=1e-5)
    assert (pruning["changed"], pruning["pairs"]) == (pytest.approx(0.3), 3)


def test_one_seed_has_no_interval(study, record):
    table = summary(analysis.load(record(study(seeds=1))))
    assert table["n"].tolist() == [1, 1]
    assert (
        table[["accuracy_low", "accuracy_high", "changed_low", "difference_low"]]
        .isna()
        .all(axis=None)
    )
    assert table["difference"].notna().tolist() == [False, True]


def test_no_dense(study, record):
    table = summary(analysis.load(record(study(method=["free-pruning", "free-flipping"]))))
    assert table["pairs"].tolist() == [0, 0]
    assert table["difference"].isna().all()
    assert table["accuracy"].notna().all()


def test_diverged_and_dead_count_with_their_accuracy_and_nan_is_left_out(study, record):
    def final(trial):
        outcome = {1: "diverged", 2: "dead", 3: "completed"}[trial.seed]
        accuracy = math.nan if trial.seed == 1 else 0.1 * trial.seed
        return {"test_accuracy": accuracy, "changed": 0.2, "outcome": outcome}

    row = summary(analysis.load(record(study(method="free-pruning"), final))).iloc[0]
    assert (row["n"], row["diverged"], row["dead"], row["no_accuracy"]) == (3, 1, 1, 1)
    assert row["accuracy"] == pytest.approx(0.25)


def test_planned_cells_without_a_finished_trial_are_rows(study, record):
    uri = record(study(), only=lambda trial: trial.method == "dense" and trial.seed < 3)
    table = summary(analysis.load(uri))
    assert table[["method", "n", "planned"]].to_numpy().tolist() == [
        ["dense", 2, 3],
        ["free-pruning", 0, 3],
    ]
    assert math.isnan(table["accuracy"].iloc[1])


def test_nothing_finished(study, record):
    table = summary(analysis.load(record(study(), only=lambda trial: False)))
    assert table["n"].tolist() == [0, 0]


def test_any_axes(study, record):
    grids = [
        {"network": ["lenet-300-100", "lenet-50"], "positive_fraction": [0.9, 0.5]},
        {"learning_rate": [0.01, 0.001], "epochs": [1, 2]},
        {"method": ["minimal-pruning"], "penalty": [0.5, 2]},
    ]
    table = summary(analysis.load(record(study(grids=grids, seeds=2))))
    assert table.columns[:6].tolist() == [
        "network",
        "epochs",
        "positive_fraction",
        "learning_rate",
        "penalty",
        "method",
    ]
    assert len(table) == 8 + 8 + 2
    assert (table["n"] == 2).all()
    assert (table.query("method != 'dense'")["pairs"] == 2).all()
    first = table.iloc[0]
    assert (first["network"], first["epochs"]) == ("lenet-300-100", 1)


def test_a_single_cell_is_named_by_its_method(study, record):
    table = summary(analysis.load(record(study(method="dense"))))
    assert table.columns[0] == "method"
    assert len(table) == 1
