"""Histograms by fate: by hand, then of whole trainings."""

import math

import numpy as np
import pytest
import torch

from studies.schemas import LAYERS
from trainers import methods, networks, packs, registry
from trainers.loop import train
from trainers.measures.histograms import BINS, bin_counts, histograms

WEIGHTS = ["weight_reach", "weights_kept", "weights_changed"]
SCORES = ["scores_from", "scores_to", "scores_kept", "scores_changed"]


def filled(histogram):
    """The bins that are not empty, with their counts."""
    assert len(histogram) == BINS == 40
    return {place: count for place, count in enumerate(histogram) if count}


def last(trials, data):
    """The rows of `layers` of each trial's last record."""
    return {r.trial: r.layers for r in train(trials, data) if r.final}


def test_bins_by_hand():
    # From -1 to 1 a bin is 0.05 wide: (value + 1) * 20, the highest in the last one.
    weights = torch.tensor([[-1.0, -0.5, 0.0], [0.25, 0.26, 1.0]])
    kept = torch.tensor([[True, False, True], [True, True, False]])
    # From -2 to 18 it is 0.5 wide.
    scores = torch.tensor([[-2.0, -1.75, -1.5], [8.0, 17.5, 18.0]])
    found = histograms(weights, kept, scores)
    assert [found[name] for name in ("weight_reach", "scores_from", "scores_to")] == [1, -2, 18]
    assert [filled(found[name]) for name in ("weights_kept", "weights_changed")] == [
        {0: 1, 20: 1, 25: 2},
        {10: 1, 39: 1},
    ]
    assert [filled(found[name]) for name in ("scores_kept", "scores_changed")] == [
        {0: 1, 1: 1, 20: 1, 39: 1},
        {0: 1, 39: 1},
    ]
    assert list(found) == WEIGHTS + SCORES


@pytest.mark.parametrize("reach", [1.0, 20.0, 3.7, 2e-38, 3e38])
def test_every_edge_belongs_to_the_upper_bin(reach):
    reach = float(np.float32(reach))
    edges = torch.tensor([-reach, 0.0, reach])
    found, _ = bin_counts(edges, torch.ones(3, dtype=torch.bool), -reach, reach)
    assert filled(found) == {0: 1, 20: 1, 39: 1}
    whole = torch.arange(-20.0, 21.0)
    found, _ = bin_counts(whole, torch.ones(41, dtype=torch.bool), -20.0, 20.0)
    assert found == [1] * 39 + [2]


def test_bins_are_numpys_whose_edges_no_value_lies_on():
    weights = torch.randn(5_000, generator=torch.Generator().manual_seed(0))
    kept = weights > -0.3
    found = histograms(weights, kept, None)
    ends = (-found["weight_reach"], found["weight_reach"])
    for name, of in (("weights_kept", kept), ("weights_changed", ~kept)):
        assert found[name] == np.histogram(weights[of].double(), BINS, ends)[0].tolist()


@pytest.mark.parametrize("value", [0.0, 2.5, -1e-30])
def test_values_that_are_all_equal(value):
    given, kept = torch.full((4,), value), torch.tensor([True, True, True, False])
    found = histograms(given, kept, given)
    # Weights have their middle at zero, so that equal ones lie at an end; zero has no range.
    end = 39 if value > 0 else 0
    assert found["scores_from"] == found["scores_to"]
    assert [filled(found["weights_kept"]), filled(found["scores_kept"])] == [{end: 3}, {0: 3}]
    assert [filled(found["weights_changed"]), filled(found["scores_changed"])] == [{end: 1}, {0: 1}]


def test_values_that_are_too_small_for_a_normal_number_are_counted():
    scores, kept = torch.tensor([1e-40, 1e-39, 2e-39]), torch.tensor([True, False, True])
    found = histograms(scores, kept, scores)
    for pair in ("weights", "scores"):
        assert [sum(found[f"{pair}_{fate}"]) for fate in ("kept", "changed")] == [2, 1]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_have_no_histogram(value):
    good, bad, kept = torch.ones(3), torch.tensor([1.0, value, 0.0]), torch.ones(3).bool()
    assert list(histograms(bad, kept, good)) == SCORES
    assert list(histograms(good, kept, bad)) == WEIGHTS
    assert histograms(bad, kept, bad) == {}


#: Methods that train scores; all others train weights, or nothing.
SCORED = {f"{how}-{what}" for how in ("free", "minimal") for what in ("pruning", "flipping")}
SCORED |= {"maximal-pruning", "edge-popup", "edge-popup-flipping", "edge-popup-official"}
SCORED |= {"supermask", "signed-supermask", "biprop", "bop", "continuous-sparsification"}
SCORED |= {"hard-concrete", "gem-miner"}


@pytest.mark.parametrize("part", registry.components("method"), ids=lambda part: part.name)
def test_the_histograms_of_a_trial_of_every_method(part, trial, digits):
    method, masked = part.name, "density" in part.reads and part.name not in SCORED
    given = trial(method, **({"density": 0.5} if "density" in part.reads else {}))
    *before, end = train([given], digits)
    assert not any({*WEIGHTS, *SCORES} & set(row) for record in before for row in record.layers)
    for row in end.layers:
        expected = WEIGHTS + SCORES * (method in SCORED)
        assert [name for name in row if name in WEIGHTS + SCORES] == expected
        for pair in ("weights", "scores")[: 1 + (method in SCORED)]:
            kept, changed = row[f"{pair}_kept"], row[f"{pair}_changed"]
            assert sum(kept) == row["mask_positive"]
            assert sum(kept) + sum(changed) == row["connections"]
        if masked:  # what is pruned is zero, in the bin that begins there
            assert sum(row["weights_changed"]) == row["weights_changed"][20]
        if method in ("free-pruning", "free-flipping"):  # where the threshold lies
            zero = -row["scores_from"] / (row["scores_to"] - row["scores_from"]) * BINS
            assert max(filled(row["scores_changed"])) <= zero < min(filled(row["scores_kept"])) + 1


def test_an_untrained_trial_has_its_weights_and_scores_as_drawn(trial, digits):
    given = trial("free-pruning", epochs=0, weights="he-constant")
    pack = packs.assemble(
        [given], networks.build(given, digits.shape, digits.classes), torch.device("cpu")
    )
    for row, layer in zip(last([given], digits)[given], pack.layers, strict=True):
        positive = int((layer.weight > 0).sum())
        assert row["weight_reach"] == float(layer.weight[0, 0, 0].abs())
        assert filled(row["weights_kept"]) == {0: row["connections"] - positive, 39: positive}
        assert filled(row["weights_changed"]) == filled(row["scores_changed"]) == {}
        assert 0.01 <= row["scores_from"] < row["scores_to"] <= np.float32(0.1)


def test_trained_weights_are_those_of_the_end_and_others_those_that_were_drawn(trial, digits):
    reach = {
        (method, epochs): last([trial(method, epochs=epochs)], digits)
        for method in ("dense", "free-flipping")
        for epochs in (0, 2)
    }
    first = {key: next(iter(rows.values()))[0]["weight_reach"] for key, rows in reach.items()}
    assert first["free-flipping", 0] == first["free-flipping", 2] == first["dense", 0]
    assert first["dense", 2] != first["dense", 0]


def test_in_a_pack_as_alone_to_the_bit(trial, digits):
    trials = [
        trial("free-pruning", seed=1),
        trial("dense", seed=2),
        trial("minimal-flipping", seed=3, weights="lognormal"),
    ]
    packed = last(trials, digits)
    assert packed == {t: last([t], digits)[t] for t in trials}
    assert [{*SCORES} <= set(packed[t][0]) for t in trials] == [True, False, True]


def test_scores_of_several_methods_side_by_side(trial, digits):
    trials = [trial("dense"), trial("free-pruning"), trial("frozen"), trial("free-flipping")]
    network = networks.build(trials[0], digits.shape, digits.classes)
    pack, method = packs.assemble(trials, network, torch.device("cpu")), methods.of(trials)
    method.begin(pack, 0, None)
    scores = method.scores(pack, pack.layers[0])
    assert [s is None for s in scores] == [True, False, True, False]
    assert torch.equal(scores[1], pack.layers[0].trained[1])
    assert torch.equal(scores[1], scores[3])


def test_a_training_that_diverged(trial, digits):
    given = trial("dense", learning_rate=1e30, epochs=3)
    (rows,) = last([given], digits).values()
    assert not any({*WEIGHTS, *SCORES} & set(row) for row in rows)
    # Scores that are no number leave the weights as they were drawn.
    given = trial("free-pruning", learning_rate=1e38, epochs=3, weights="lognormal(sigma=5)")
    (rows,) = last([given], digits).values()
    assert all(sum(row["weights_kept"]) == row["mask_positive"] for row in rows)


def test_what_is_recorded_is_what_the_schema_has(trial, digits):
    (rows,) = last([trial()], digits).values()
    assert [*LAYERS.names[2:]] == list(rows[0])
