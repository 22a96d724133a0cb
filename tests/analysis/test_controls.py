"""Controls and effective sizes, read from made-up results."""

import math

import pytest

import analysis
from analysis.estimates.controls import moved, retrained
from analysis.estimates.intervals import grouped
from analysis.estimates.sizes import judged_with_sizes, sizes, sizes_per_layer

CONTROLS = {"permuted_accuracy": 0.4, "redrawn_accuracy": 0.3, "random_accuracy": 0.2}


def test_controls_of_the_same_trial(study, record):
    def final(trial):
        own = 0.9 + 0.01 * trial.seed
        row = {} if trial.method == "dense" else dict(CONTROLS) | {"classes": 10}
        return {"test_accuracy": own, "changed": 0.2, "row": row}

    table = moved(analysis.load(record(study(seeds=2), final)))
    assert set(table["method"]) == {"free-pruning"}
    means = grouped(table, ["control"], "accuracy").set_index("control")["mean"]
    assert means.to_dict() == pytest.approx(
        {
            "as trained": 0.915,
            "weights redrawn": 0.3,
            "mask permuted": 0.4,
            "both exchanged": 0.2,
            "before training": 0.1,
        }
    )
    own = table[(table["control"] == "mask permuted") & (table["seed"] == 2)]
    assert own["difference"].tolist() == pytest.approx([0.4 - 0.92])


def test_no_controls_no_rows(results):
    assert moved(results).empty
    assert retrained(results).empty
    assert sizes(results).empty


def test_weights_trained_under_a_learned_mask(study, record):
    accuracies = {
        "free-pruning": 0.9,
        "free-pruning-weights": 0.95,
        "free-pruning-weights(shuffled)": 0.93,
        "free-pruning-weights(redrawn)": 0.94,
    }

    def final(trial):
        return {"test_accuracy": accuracies[trial.method], "changed": 0.2}

    table = retrained(analysis.load(record(study(seeds=2, method=list(accuracies)), final)))
    assert set(table["method"]) == {"free-pruning"}
    means = grouped(table, ["control"], "difference").set_index("control")["mean"]
    assert means.to_dict() == pytest.approx(
        {"its mask": 0, "mask permuted": -0.02, "weights redrawn": -0.01}
    )


LEFT = {"connected": (9600, 15_000, 500), "live": (4800, 7500, 250), "live_changed": (480, 750, 25)}


def test_sizes_are_sums_over_layers(study, record):
    def final(trial):
        layers = LEFT | {"connected": (0, 25_100, 0)}
        return {"test_accuracy": 0.9, "changed": 0.2, "layers": layers}

    results = analysis.load(record(study(seeds=1, method="free-pruning"), final))
    (row,) = sizes(results).to_dict("records")
    assert row["connected"] == 25_100
    assert row["connected_share"] == pytest.approx(0.5)
    assert row["live_share"] == pytest.approx(0.25)
    assert row["live_changed_share"] == pytest.approx(0.1)
    assert sizes_per_layer(results)["connected_share"].tolist() == [0, 25_100 / 30_000, 0]


def test_no_live_connection_has_no_share_changed(study, record):
    def final(trial):
        return {"test_accuracy": 0.1, "changed": 0.2, "layers": dict.fromkeys(LEFT, 0)}

    results = analysis.load(record(study(seeds=1, method="free-pruning"), final))
    (row,) = sizes(results).to_dict("records")
    assert math.isnan(row["live_changed_share"])
    assert row["live_share"] == 0


def test_left_by_length_is_held_against_the_shortest_training(study, record):
    def final(trial):
        left = tuple(value // trial.epochs for value in LEFT["connected"])
        return {"test_accuracy": 0.9, "changed": 0.2, "layers": LEFT | {"connected": left}}

    asked = study(seeds=2, method="free-pruning", epochs=[1, 2, 4])
    rows = judged_with_sizes(analysis.load(record(asked, final)))
    means = grouped(rows, ["epochs"], "left_by_length").set_index("epochs")
    assert means["n"].to_dict() == {1: 0, 2: 2, 4: 2}
    assert means["mean"].loc[[2, 4]].tolist() == pytest.approx([-0.25, -0.375], abs=1e-4)
