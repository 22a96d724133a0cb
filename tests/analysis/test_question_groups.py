"""Trials by kind: what each is held against, by hand."""

import pytest

import analysis
from analysis.estimates.question_groups import in_pieces, labelled, transferred


def _means(found, *by):
    return found.rows.groupby(list(by))["difference"].mean().to_dict()


def test_batch_normalisation_alone_is_held_against_dense(study, record):
    def final(trial):
        accuracy = {"dense": 0.9, "free-pruning": 0.8, "frozen": 0.5}[trial.method]
        accuracy -= 0.3 * (trial.trained_layers == "output")
        return {"test_accuracy": accuracy + 0.05 * trial.affine + 0.01 * trial.seed, "changed": 0}

    grids = [
        {"method": ["dense", "free-pruning"], "trained_layers": ["all", "output"]},
        {"method": ["dense", "free-pruning", "frozen"], "affine": True},
        {"method": "frozen"},
    ]
    found = in_pieces(analysis.load(record(study(network="resnet8", grids=grids), final)))
    assert found.reference == "all layers"
    assert found.by == []
    assert found.kinds == (
        "all layers",
        "all layers and batch normalisation",
        "output layer alone",
        "batch normalisation alone",
        "nothing",
    )
    assert _means(found, "method", "kind") == pytest.approx(
        {
            ("dense", "all layers"): 0,
            ("dense", "all layers and batch normalisation"): 0.05,
            ("dense", "output layer alone"): -0.3,
            ("free-pruning", "all layers"): 0,
            ("free-pruning", "all layers and batch normalisation"): 0.05,
            ("free-pruning", "output layer alone"): -0.3,
            ("frozen", "batch normalisation alone"): -0.35,
            ("frozen", "nothing"): -0.4,
        }
    )


def test_trained_scale_and_shift_alone_make_no_question_of_pieces(study, record):
    found = in_pieces(analysis.load(record(study(affine=[False, True]))))
    assert found.rows.empty
    assert found.kinds == ()


def test_given_and_permuted_labels_are_paired_by_seed(study, record):
    def final(trial):
        full = 0.9 + 0.01 * trial.seed - 0.5 * (trial.labels == "permuted")
        return {"test_accuracy": 0.1, "changed": 0.1, "row": {"train_full_accuracy": full}}

    found = labelled(analysis.load(record(study(labels=["given", "permuted"]), final)))
    permuted = found.rows[found.rows["kind"] == "permuted labels"]
    assert permuted["difference"].tolist() == pytest.approx([-0.5] * 6)
    assert sorted(permuted["value"]) == pytest.approx(sorted([0.41, 0.42, 0.43] * 2))


def test_without_the_full_training_accuracy_that_while_training_counts(study, record):
    found = labelled(analysis.load(record(study(labels="permuted"))))
    accuracy = found.rows["train_accuracy"]
    assert found.rows["value"].tolist() == accuracy.tolist()
    assert found.rows["difference"].isna().all()  # no given labels to be held against


def test_carried_over_beside_scratch(study, record):
    def final(trial):
        accuracy = 0.9 + 0.01 * trial.seed - 0.2 * (trial.trained_layers == "output")
        return {"test_accuracy": accuracy + 0.05 * bool(trial.source), "changed": 0.1}

    asked = study(method="free-pruning", source=["", "mnist"], trained_layers=["all", "output"])
    found = transferred(analysis.load(record(asked, final)))
    assert _means(found, "kind") == pytest.approx(
        {
            "from scratch": 0,
            "carried over, all trained on": 0.05,
            "carried over, output layer trained": -0.15,
            "random features": -0.2,
        }
    )
