"""Which pairs of masks are held against each other, and what comes out, on masks made by hand."""

import numpy as np
import pytest

import analysis
from analysis.questions.mask_overlap import ALL, overlaps
from analysis.statistics.overlap import counts, overlap

#: 2 x 4 and 2 x 2 connections; True is changed.
BASE = [np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool), np.array([[1, 0], [0, 0]], bool)]
MOVED = [np.array([[1, 0, 1, 0], [0, 0, 0, 0]], bool), np.array([[1, 0], [0, 0]], bool)]


def _final(changed):
    return {"test_accuracy": 0.9, "changed": 0.25, "masks": [~layer for layer in changed]}


@pytest.fixture
def results(study, record):
    def by_kind(trial):
        if trial.method == "dense":
            return _final([np.zeros_like(layer) for layer in BASE]) | {"changed": 0.0}
        # the second score seed moves a connection of the first layer, in seed 2 it does not
        return _final(MOVED if trial.score_seed == 2 and trial.seed == 1 else BASE)

    grids = [
        {"method": ["dense", "free-pruning", "minimal-pruning"]},
        {"method": "free-pruning", "score_seed": [1, 2]},
        {"method": "free-pruning", "order_seed": [1]},
        {"method": "free-pruning", "rounding": [1]},
    ]
    return analysis.load(record(study(seeds=2, grids=grids, keep_masks=True), by_kind))


def _row(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    (row,) = table.to_dict("records")
    return row


def test_pairs_differ_in_one_thing(results):
    table = overlaps(results)
    found = table[(table["seed"] == 1) & (table["layer"] == ALL)]
    assert {(row.kind, row.methods): row.pairs for row in found.itertuples()} == {
        ("scores", "free-pruning"): 3,  # of the seeds -1, 1, 2
        ("data order", "free-pruning"): 1,
        ("rounding alone", "free-pruning"): 1,
        ("method", "free-pruning, minimal-pruning"): 1,
    }


def test_pairs_of_one_weight_seed_are_averaged(results):
    table = overlaps(results)
    moved = overlap(counts(BASE[0], MOVED[0]))
    assert moved.jaccard == pytest.approx(1 / 3)
    row = _row(table, kind="scores", seed=1, layer=0)
    assert row["overlap"] == pytest.approx((1 + 2 * moved.corrected) / 3)
    assert row["chance"] == pytest.approx(moved.chance)
    assert _row(table, kind="scores", seed=1, layer=1)["overlap"] == pytest.approx(1)
    assert _row(table, kind="scores", seed=2, layer=0)["overlap"] == pytest.approx(1)
    both = overlap([counts(a, b) for a, b in zip(BASE, MOVED, strict=True)])
    row = _row(table, kind="scores", seed=1, layer=ALL)
    assert row["overlap"] == pytest.approx((1 + 2 * both.corrected) / 3)
    assert row["layer_name"] == "all layers"


def test_masks_of_other_epochs_do_not_count(results):
    assert set(results.masks.df()["epoch"]) == {3}
    assert len(overlaps(results)) == 4 * 2 * 3  # kinds, seeds, two layers and all


def test_without_masks_there_is_no_row(study, record):
    assert overlaps(analysis.load(record(study()))).empty


def test_diverged_trials_have_no_mask_to_speak_of(study, record):
    def final(trial):
        return _final(BASE) | {"outcome": "diverged" if trial.score_seed == 2 else "completed"}

    asked = study(seeds=1, method="free-pruning", score_seed=[1, 2], keep_masks=True)
    assert overlaps(analysis.load(record(asked, final))).empty
