"""Verdicts on results made by hand, whose differences are known to the last digit."""

import itertools
import json
import math
import re
import shutil

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.verdicts import overall, untested, verdicts
from analysis.verdicts.claims import CLAIMS, chosen
from analysis.verdicts.formatting import as_dict, cautions, notes, summed_up, where
from studies.errors import UserError
from studies.study import shipped

#: The t distribution's 95% point for two degrees of freedom, from a printed table.
T2 = 2.920
#: Deviations of three seeds whose mean is 0 and whose standard deviation is 1.
SPREAD = {1: -1.0, 2: 0.0, 3: 1.0}


def settled(difference, spread=0.001, dense=0.9, **more):
    """Final figures: dense at `dense` with every seed, others `difference` apart, by method."""

    def final(trial):
        gap = difference(trial) if callable(difference) else difference
        away = 0.0 if trial.method == "dense" else gap + spread * SPREAD.get(trial.seed, 0.0)
        return {"test_accuracy": dense + away, "changed": 0.1, **more}

    return final


def on(loaded, claim):
    """The verdicts on one claim."""
    return verdicts(loaded, tuple(one for one in CLAIMS if one.id == claim))


@pytest.fixture
def judge(study, record):
    """The verdicts on a claim for a study made by hand."""

    numbers = itertools.count()

    def run(final, claim="C1", only=lambda trial: True, **given):
        asked = study(**{"margin": 0.5, **given})
        asked = asked.model_copy(update={"name": f"made-{next(numbers)}"})
        return on(analysis.load(record(asked, final, only)), claim)

    return run


def test_supported_by_hand(judge):
    # differences 0.1, 0.2, 0.3 points: mean 0.2, s = 0.1, half = 2.920 * 0.1 / sqrt(3) = 0.1686
    (verdict,) = judge(settled(0.002))
    assert verdict.conclusion == "supported"
    (one,) = verdict.comparisons
    half = T2 * 0.001 / math.sqrt(3)
    assert one.interval.mean == pytest.approx(0.002)
    assert (one.interval.low, one.interval.high) == pytest.approx(
        (0.002 - half, 0.002 + half), abs=1e-6
    )
    assert one.bound == -0.005
    # t = 0.7 points / (0.1 / sqrt(3)) = 12.12 with two degrees of freedom
    assert one.p == pytest.approx(0.5 * (1 - 12.124 / math.sqrt(12.124**2 + 2)), abs=1e-5)
    assert one.sign_flip == 1 / 8  # all three above the bound
    assert (verdict.n, verdict.planned) == (3, 3)
    assert list(one.pairs["seed"]) == [1, 2, 3]
    assert one.pairs["difference"].tolist() == pytest.approx([0.001, 0.002, 0.003])


@pytest.mark.parametrize(
    ("difference", "conclusion"),
    [
        (-0.0032, "supported"),  # the interval ends 0.17 below the mean: just above -0.5
        (-0.0034, "undecided"),
        (-0.0066, "undecided"),
        (-0.0068, "refuted"),
        (0.05, "supported"),
    ],
)
def test_the_bound_of_the_interval_decides(judge, difference, conclusion):
    (verdict,) = judge(settled(difference))
    assert verdict.conclusion == conclusion


def test_undecided_says_how_many_seeds_would_do(judge):
    (verdict,) = judge(settled(-0.004, spread=0.006))
    assert "The interval contains the bound." in verdict.reason
    assert re.search(
        r" With no true difference, \d+ seeds would decide with 80% power\.$", verdict.reason
    )


def test_fewer_seeds_than_planned_decide_nothing(judge):
    (verdict,) = judge(settled(0.002), only=lambda t: t.seed < 3 or t.method == "dense")
    assert (verdict.conclusion, verdict.reason) == ("undecided", "n = 2, 3 planned")
    assert any("without a finished partner: seed 3" in flag for flag in verdict.flags)


def test_nothing_finished_yet(judge):
    (verdict,) = judge(settled(0.002), only=lambda trial: trial.method == "dense")
    assert (verdict.conclusion, verdict.reason) == ("undecided", "n = 0, 3 planned")
    assert math.isnan(verdict.p)


def test_one_seed_decides_nothing(judge):
    (verdict,) = judge(settled(0.002), seeds=1)
    assert (verdict.conclusion, verdict.reason) == ("undecided", "There is only one seed.")
    assert math.isnan(verdict.comparisons[0].interval.low)


def test_equal_differences_decide_nothing(judge):
    (verdict,) = judge(settled(0.002, spread=0.0))
    assert verdict.conclusion == "undecided"
    assert "no t interval" in verdict.reason


def test_no_margin_decides_nothing(judge):
    (verdict,) = judge(settled(0.002), margin=None)
    assert (verdict.conclusion, verdict.reason) == ("undecided", "The study states no margin.")


def test_no_dense_no_verdict(study, record):
    loaded = analysis.load(record(study(method="free-pruning")))
    found = verdicts(loaded)
    left = {claim.id: claim.study for claim in untested(found)}
    assert found == ()
    assert left["C1"] == "paper-lenet"
    assert set(left) == {claim.id for claim in CLAIMS}


def test_every_claim_names_a_study_that_tests_it():
    for claim in CLAIMS:
        assert claim.study in {*shipped(), "make bench"}


FIFTEEN = {"seeds": 15, "dataset": "cifar10"}


def varied(difference):
    return lambda trial: (
        {
            "test_accuracy": 0.5
            + (trial.method != "dense") * difference
            + 0.001 * (trial.seed % 3),
            "changed": 0.1 + 0.001 * (trial.seed % 2),
        }
        | ({"test_accuracy": 0.5} if trial.method == "dense" else {})
    )


def test_confirmatory_if_all_was_fixed_beforehand(judge):
    (verdict,) = judge(varied(0.01), **FIFTEEN)
    assert verdict.exploratory == ()
    assert math.isnan(verdict.q)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 3, "dataset": "cifar10"}, "3 seeds planned, a confirmatory verdict needs 15"),
        ({"seeds": 15, "dataset": "digits"}, "digits is a demonstration"),
    ],
)
def test_exploratory_and_why(judge, given, said):
    (verdict,) = judge(varied(0.01), **given)
    assert verdict.exploratory == (said,)
    assert verdict.q == pytest.approx(verdict.p)  # the only one


def test_seeds_added_later_are_exploratory(study, record):
    record(study(margin=0.5, **FIFTEEN), varied(0.01))
    more = study(margin=0.5, seeds=18, dataset="cifar10")
    loaded = analysis.load(record(more, varied(0.01), only=lambda trial: trial.seed > 15))
    (verdict,) = on(loaded, "C1")
    assert verdict.exploratory == ("extended from 15 to 18 seeds after the first run",)
    assert (verdict.n, verdict.planned) == (18, 18)


def test_cells_added_later_are_exploratory(study, record):
    record(study(margin=0.5, **FIFTEEN), varied(0.01))
    more = study(margin=0.5, method=["dense", "free-pruning", "free-flipping"], **FIFTEEN)
    only = lambda trial: trial.method == "free-flipping"  # noqa: E731
    loaded = analysis.load(record(more, varied(0.01), only))
    found = {v.cell["method"]: v for v in on(loaded, "C1")}
    assert found["free-pruning"].exploratory == ()
    assert found["free-flipping"].exploratory == (
        "some of its cells were added after the first run",
    )


def test_a_margin_that_changed_is_flagged_and_the_earliest_counts(study, record):
    record(study(margin=0.5), settled(-0.0032))
    loaded = analysis.load(record(study(margin=0.1, seeds=3, epochs=3), only=lambda trial: False))
    (verdict,) = on(loaded, "C1")
    assert verdict.conclusion == "supported"  # with 0.1 it would be refuted
    assert "a later definition states another margin; the earliest counts" in verdict.flags


def test_diverged_and_dead_trials_count_and_are_told(judge):
    def final(trial):
        lost = trial.method == "free-pruning" and trial.seed == 3
        found = settled(0.002)(trial)
        return found | ({"test_accuracy": 0.1, "outcome": "dead"} if lost else {})

    (verdict,) = judge(final)
    assert verdict.conclusion == "undecided"
    assert verdict.diverged_or_dead == {"diverged": 0, "dead": 1}
    assert (
        verdict.without_diverged_or_dead == "supported"
    )  # 0.1 and 0.2 points: half = 6.314 * 0.05 = 0.32
    assert cautions(verdict)[0] == (
        "diverged or dead trials: 1 dead; without their pairs the verdict is supported"
    )


def test_a_trial_without_accuracy_counts_with_chance(judge):
    def final(trial):
        lost = trial.method == "free-pruning" and trial.seed == 3
        found = settled(0.002)(trial)
        return found | ({"test_accuracy": math.nan, "outcome": "diverged"} if lost else {})

    (verdict,) = judge(final)
    differences = verdict.comparisons[0].pairs["difference"]
    assert differences.tolist() == pytest.approx([0.001, 0.002, 0.1 - 0.9])


def test_pairs_across_engines_and_versions_are_flagged(judge):
    def final(trial):
        other = {"row": {"engine": "mlp"}} if trial.method == "free-pruning" else {}
        return settled(0.002)(trial) | other

    (verdict,) = judge(final)
    assert "3 of 3 pairs are of two engines" in verdict.flags
    assert "mixture of engines: mlp, reference" in verdict.flags


DENSITIES = [{"method": "free-pruning"}, {"method": "edge-popup", "density": [0.3, 0.7]}]


def at_densities(low, high, spread=0.001):
    gaps = {0.0: 0.0, 0.3: low, 0.7: high}
    return lambda trial: {
        "test_accuracy": 0.9
        + gaps[trial.density]
        + (trial.density > 0) * spread * SPREAD[trial.seed],
        "changed": 0.1,
    }


def test_a_sweep_needs_every_density(judge):
    (verdict,) = judge(at_densities(0.001, -0.2), "C6", grids=DENSITIES, method="dense")
    assert verdict.conclusion == "supported"
    assert [dict(one.at) for one in verdict.comparisons] == [{"density": 0.3}, {"density": 0.7}]
    assert verdict.decisive.at == {"density": 0.3}
    assert verdict.p == verdict.comparisons[0].p
    assert verdict.decisive.bound == 0.005
    (verdict,) = judge(at_densities(0.004, -0.2), "C6", grids=DENSITIES, method="dense")
    assert verdict.conclusion == "undecided"
    assert "in 1 of 2 comparisons" in verdict.reason


def test_a_sweep_is_refuted_by_holm(judge):
    # t = 0.2 / (0.1 / sqrt(3)) = 3.46 and p = 0.037, by Holm 0.074: not refuted by that alone
    (verdict,) = judge(at_densities(0.007, -0.2), "C6", grids=DENSITIES, method="dense")
    assert verdict.comparisons[0].p_against == pytest.approx(0.037, abs=1e-3)
    assert verdict.conclusion == "undecided"
    assert "Holm" in verdict.reason
    (verdict,) = judge(at_densities(0.009, -0.2), "C6", grids=DENSITIES, method="dense")
    assert verdict.conclusion == "refuted"


def test_a_method_with_a_recipe_of_its_own_is_held_against_threshold_free(judge):
    grids = [DENSITIES[0], DENSITIES[1] | {"learning_rate": 0.1, "optimizer": "sgd"}]
    (verdict,) = judge(at_densities(0.001, -0.2), "C6", grids=grids, method="dense")
    assert verdict.conclusion == "supported"


def test_minimal_change_needs_both_criteria(judge):
    def final(changed):
        return lambda trial: settled(-0.05)(trial) | {"changed": changed + 0.001 * trial.seed}

    methods = ["dense", "minimal-pruning"]
    (verdict,) = judge(final(0.05), "C2", method=methods)
    assert verdict.conclusion == "supported"
    accuracy = verdict.comparisons[1]
    assert accuracy.interval.mean == pytest.approx(0.85 - 0.9 * 0.9)
    above_chance = verdict.comparisons[2]  # (0.85 - 0.1) - 0.9 * (0.9 - 0.1)
    assert above_chance.interval.mean == pytest.approx(0.03)
    assert not above_chance.criterion.decides
    (verdict,) = judge(final(0.2), "C2", method=methods)
    assert verdict.conclusion == "refuted"


def test_softmax_regression_stands_beside_minimal_change(judge):
    grids = [{"method": ["dense", "minimal-pruning"]}, {"network": "linear", "method": "dense"}]

    def final(trial):
        linear = {"test_accuracy": 0.8} if trial.network == "linear" else {}
        return settled(-0.05)(trial) | linear

    (verdict,) = judge(final, "C2", grids=grids, method="dense")
    floor = verdict.comparisons[-1]
    assert floor.criterion.says == "accuracy minus that of softmax regression"
    assert floor.interval.mean == pytest.approx(0.05)


def test_constant_magnitude_pairs_by_weights(judge):
    (verdict,) = judge(
        settled(lambda t: 0.01 * (t.weights == "he-constant")),
        "C3",
        method="free-pruning",
        weights=["he-normal", "he-constant"],
    )
    # the spread is the same with both weights, so that the differences are equal
    assert verdict.comparisons[0].interval.mean == pytest.approx(0.01)
    assert verdict.cell["weights"] == "he-constant"


def test_asymmetric_weights_against_trained_and_against_symmetric_ones(judge):
    given = {
        "weights": "he-normal",
        "positive_fraction": [0.1, 0.5],
        "method": ["dense", "free-pruning"],
    }

    def final(trial):
        skewed = trial.positive_fraction == 0.1
        return {
            "test_accuracy": 0.9 - skewed * (0.02 + 0.001 * SPREAD[trial.seed]),
            "changed": 0.1,
        }

    (good,) = judge(final, "C4a", **given)
    assert good.conclusion == "supported"
    assert good.comparisons[0].interval.mean == pytest.approx(0.88 - 0.81)
    (as_good,) = judge(final, "C4b", **given)
    assert as_good.conclusion == "refuted"
    assert as_good.comparisons[0].interval.mean == pytest.approx(-0.02)


def test_hidden_threshold_sweeps_one_field(judge):
    rates = [{"method": "free-pruning", "learning_rate": [5e-4, 1e-3, 2e-3, 4e-3]}]

    def final(trial):
        away = {5e-4: -0.02, 1e-3: 0.0, 2e-3: 0.001, 4e-3: -0.01}[trial.learning_rate]
        return {
            "test_accuracy": 0.9 + away + 1e-3 * SPREAD[trial.seed] * (away != 0),
            "changed": 0.1,
        }

    (verdict,) = judge(final, "C8-rate", grids=rates, method="free-pruning")
    assert verdict.conclusion == "supported"
    assert [one.at["learning_rate"] for one in verdict.comparisons] == [5e-4, 2e-3, 4e-3]
    assert verdict.decisive.interval.mean == pytest.approx(0.001)


def test_flipping_against_pruning_and_its_gain_where_signs_are_skewed(judge):
    given = {"method": ["free-pruning", "free-flipping"], "positive_fraction": [0.1, 0.5]}

    def final(trial):
        flips = trial.method == "free-flipping"
        gain = 0.03 if trial.positive_fraction == 0.1 else 0.01
        return {
            "test_accuracy": 0.9 + flips * gain * (1 + 0.1 * SPREAD[trial.seed]),
            "changed": 0.1,
        }

    found = judge(final, "C9", **given)
    assert {v.cell["positive_fraction"]: v.conclusion for v in found} == {
        0.1: "supported",
        0.5: "supported",
    }
    (gain,) = judge(final, "C9-asymmetric", **given)
    assert gain.comparisons[0].interval.mean == pytest.approx(0.02)
    assert gain.comparisons[0].images is None  # no accuracies, so no images to draw
    assert gain.conclusion == "supported"


def test_width(judge):
    given = {"method": "free-pruning", "width": [0.5, 1, 2]}
    final = settled(lambda trial: 0.01 * math.log2(trial.width))

    def spread(trial):
        found = final(trial)
        return found | {"test_accuracy": found["test_accuracy"] + 1e-4 * trial.seed * trial.width}

    (verdict,) = judge(spread, "C10", **given)
    assert verdict.cell["width"] == 2
    assert verdict.conclusion == "supported"


def test_images_decide_on_mnist(judge):
    # Three seeds of 16 images, all of which differ by the same one image: t sees no noise, and the
    # images are too few.
    def final(trial):
        ours = trial.method != "dense"
        bits = np.ones(16, bool)
        bits[: 2 if ours else 1] = False
        row = {"test_images": 16, "test_correct": np.packbits(bits).tobytes()}
        return settled(-0.002)(trial) | {"row": row}

    (digits,) = judge(final)
    assert digits.conclusion == "supported"
    assert digits.comparisons[0].images.low < -0.005
    (mnist,) = judge(final, dataset="mnist")
    assert mnist.conclusion == "undecided"
    assert "seeds and test images" in mnist.reason
    assert mnist.comparisons[0].mcnemar == (0, 0)


def test_mcnemar_counts_pairs(judge):
    def final(trial):
        bits = np.ones(64, bool)
        bits[: 20 if trial.method == "dense" and trial.seed < 3 else 0] = False
        row = {"test_images": 64, "test_correct": np.packbits(bits).tobytes()}
        return settled(0.002)(trial) | {"row": row}

    (verdict,) = judge(final)
    assert verdict.comparisons[0].mcnemar == (2, 0)


def test_each_arm_at_its_own_best_recipe(study, record):
    rates = {"dense": 1e-3, "free-pruning": 3e-3}

    def final(trial):
        best = trial.learning_rate == rates[trial.method]
        found = settled(0.002)(trial)
        accuracy = found["test_accuracy"] - (0.0 if best else 0.3)
        return {"test_accuracy": accuracy, "changed": 0.1}

    given = study(margin=0.5, learning_rate=[1e-3, 3e-3])
    given = given.model_copy(update={"tuning_seeds": [101, 102]})
    loaded = analysis.load(record(given, final))
    (verdict,) = on(loaded, "C1-own-recipes")
    (one,) = verdict.comparisons
    assert verdict.conclusion == "supported"
    assert one.interval.mean == pytest.approx(0.002)
    assert set(one.pairs["learning_rate"]) == {3e-3}
    # Two rates on two tuning seeds and one final run, each as long as the partner's.
    spent = "5 trainings per replicate for tuning and the final run, which took 5 times as long as"
    assert f"{spent} the final run that it is compared with" in cautions(verdict)


def test_before_its_tuning_is_finished_an_arm_has_no_best_recipe(study, record):
    given = study(margin=0.5, learning_rate=[1e-3, 3e-3])
    given = given.model_copy(update={"tuning_seeds": [101, 102]})
    lacks = lambda t: not (t.seed == 102 and t.learning_rate == 3e-3)  # noqa: E731
    loaded = analysis.load(record(given, settled(0.002), lacks))
    (verdict,) = on(loaded, "C1-own-recipes")
    assert (verdict.conclusion, verdict.reason) == ("undecided", "n = 0, 3 planned")


def test_a_density_tuned_honestly_is_chosen_on_seeds_of_its_own(study, record):
    # Validation prefers 0.7 on the tuning seeds of replicates 1 and 2 and 0.3 on that of replicate
    # 3; on the fresh seeds 0.3 would be better throughout.
    def final(trial):
        low = trial.density == 0.3
        prefers_low = trial.seed == 103
        if trial.seed > 100:
            accuracy = 0.9 if low == prefers_low else 0.8
        else:
            accuracy = {0.0: 0.9, 0.3: 0.95, 0.7: 0.89}[trial.density] + 0.001 * trial.seed * (
                trial.density > 0
            )
        return {"test_accuracy": accuracy, "changed": 0.1}

    given = study(margin=0.5, grids=DENSITIES, method="dense")
    given = given.model_copy(update={"tuning_seeds": [101, 102, 103]})
    loaded = analysis.load(record(given, final))
    (verdict,) = on(loaded, "C7")
    pairs = verdict.comparisons[0].pairs
    assert pairs["chosen"].tolist() == [0.7, 0.7, 0.3]
    assert pairs["difference"].tolist() == pytest.approx([-0.009, -0.008, 0.053])
    assert pairs["spent"].tolist() == [3, 3, 3]  # two densities on one seed, and the fresh one
    assert (verdict.n, verdict.planned) == (3, 3)
    text = " ".join(notes(loaded, verdict.claim, [verdict]))
    # each trial took 3.6 seconds
    assert (
        "3 trainings per replicate for tuning and the final run, which took 3 times as long" in text
    )
    assert "chosen densities (replicates): 0.3 (1), 0.7 (2)" in text


def test_a_replicate_that_misses_a_density_is_left_out(study, record):
    given = study(margin=0.5, grids=DENSITIES, method="dense")
    given = given.model_copy(update={"tuning_seeds": [101, 102, 103]})
    lacks = lambda t: not (t.seed == 102 and t.density == 0.3)  # noqa: E731
    loaded = analysis.load(record(given, settled(0.002), lacks))
    (verdict,) = on(loaded, "C7")
    assert verdict.comparisons[0].pairs["seed"].tolist() == [1, 3]
    assert verdict.reason == "n = 2, 3 planned"


def test_cost_from_the_rounds_of_the_benchmark(study, record, tmp_path):
    uri = record(study())
    rows = [
        {
            "at": pd.Timestamp("2026-01-01", tz="UTC"),
            "quick": False,
            "machine": "m",
            "versions": "v",
            "group": "step, lenet-300-100, batch 25",
            "measure": f"{method} / our dense",
            "values": [ratio * 0.99, ratio, ratio * 1.01],
        }
        for method, ratio in (("free-pruning", 1.1), ("free-flipping", 1.3))
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "results" / "benchmarks.parquet")
    loaded = analysis.load(uri)
    found = {v.cell["method"]: v for v in on(loaded, "C5")}
    assert found["free-pruning"].conclusion == "supported"
    assert found["free-flipping"].conclusion == "refuted"
    assert math.exp(found["free-pruning"].decisive.interval.mean) == pytest.approx(1.1, abs=1e-3)
    assert where(loaded, found["free-pruning"]) == "lenet-300-100, batch size 25"


def test_time_to_accuracy_from_the_epochs(judge):
    # Accuracy after epochs 1, 2, 3 is 0.5, 0.7 and 0.9 of the end (see conftest): dense and an arm
    # that ends 10% higher reach 95% of dense's end after three epochs; half a second each.
    (verdict,) = judge(settled(0.0, spread=0.0), "C5-time")
    assert verdict.comparisons[0].pairs["log_seconds"].tolist() == pytest.approx(
        [math.log(1.5)] * 3
    )
    assert verdict.conclusion == "undecided"  # equal times


def test_cells_together(judge):
    def final(trial):
        poor = trial.weights == "he-constant" and trial.epochs == 3
        return settled(-0.1 if poor else 0.002)(trial)

    found = judge(final, weights=["he-normal"], epochs=[2, 3])
    (one,) = overall(found)
    assert (one.conclusion, len(one.supported), one.by_holm) == ("supported", 2, 2)
    found = judge(
        lambda t: settled(0.002 if t.epochs == 2 else -0.1)(t), weights="he-normal", epochs=[2, 3]
    )
    (one,) = overall(found)
    assert (one.conclusion, len(one.supported)) == ("refuted", 1)


def test_everything_is_json(study, record):
    loaded = analysis.load(record(study(margin=0.5, seeds=2), settled(0.002, spread=0.0)))
    told = json.loads(json.dumps([as_dict(loaded, v) for v in verdicts(loaded)], allow_nan=False))
    first = told[0]
    assert (first["claim"], first["verdict"], first["p"]) == ("C1", "undecided", None)
    assert [pair["seed"] for pair in first["comparisons"][0]["pairs"]] == [1, 2]


def test_notes_are_said_once(judge, study, record):
    found = judge(settled(0.002), method=["dense", "free-pruning", "free-flipping"])
    results = analysis.load(record(study(method=["dense", "free-pruning", "free-flipping"])))
    (kind,) = notes(results, found[0].claim, found)
    assert kind.startswith("exploratory: digits is a demonstration")


def test_chosen_claims():
    assert [claim.id for claim in chosen(["c9"])] == ["C9", "C9-minimal", "C9-asymmetric"]
    assert [claim.id for claim in chosen(["C8-rate"])] == ["C8-rate"]
    assert chosen([]) == CLAIMS
    assert [claim.id for claim in chosen(["C4"])] == ["C4a", "C4b", "C4b-skewed"]
    assert [claim.id for claim in chosen(["c4b"])] == ["C4b", "C4b-skewed"]
    assert [claim.id for claim in chosen(["C1"])][-1] == "C1-same-weights"
    with pytest.raises(UserError, match="claim 'C11'"):
        chosen(["C11"])


def test_a_density_added_later_makes_its_sweep_exploratory(study, record):
    given = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense"}

    def uneven(trial):
        away = -0.1 * trial.density + 1e-3 * (trial.seed % 3) * (trial.density > 0)
        return {"test_accuracy": 0.9 + away, "changed": 0.1}

    first = [DENSITIES[0], {"method": "edge-popup", "density": 0.3}]
    record(study(grids=first, **given), uneven)
    loaded = analysis.load(record(study(grids=DENSITIES, **given), uneven))
    (verdict,) = on(loaded, "C6")
    assert verdict.exploratory == ("some of its cells were added after the first run",)


def test_a_partner_added_later_makes_it_exploratory(study, record):
    given = {"margin": 0.5, **FIFTEEN}
    record(study(method="free-pruning", **given), varied(0.01))
    (verdict,) = on(analysis.load(record(study(**given), varied(0.01))), "C1")
    assert verdict.exploratory == ("some of its cells were added after the first run",)


def test_tuning_that_is_not_finished_leaves_replicates_open(study, record):
    given = study(margin=0.5, grids=DENSITIES, method="dense")
    given = given.model_copy(update={"tuning_seeds": [101, 102, 103]})
    loaded = analysis.load(record(given, settled(0.002), lambda t: t.seed not in (101, 102)))
    (verdict,) = on(loaded, "C7")
    assert verdict.comparisons[0].pairs["seed"].tolist() == [3]  # the third has its tuning seed
    assert verdict.reason == "n = 1, 3 planned"


def test_unequal_budgets_are_not_compared(study, record):
    grids = [
        {"method": "dense", "learning_rate": [1e-3, 3e-3]},
        {"method": "free-pruning", "learning_rate": [1e-3, 3e-3, 1e-2]},
    ]
    given = study(margin=0.5, grids=grids, method="dense")
    given = given.model_copy(update={"tuning_seeds": [101, 102]})
    loaded = analysis.load(record(given, settled(0.002)))
    assert on(loaded, "C1-own-recipes") == ()


def test_different_test_images_decide_nothing_on_mnist(judge):
    def final(trial):
        mark = "ffff" if trial.method == "dense" else "0000"
        return settled(0.002)(trial) | {"row": {"dataset_fingerprint": mark}}

    (verdict,) = judge(final, dataset="mnist")
    assert verdict.conclusion == "undecided"
    assert "cannot be compared" in verdict.reason
    assert "3 of 3 pairs are of different data" in verdict.flags


def test_a_study_without_a_margin_borrows_none(study, record):
    bare = study(epochs=2).model_copy(update={"name": "bare"})
    uris = [record(study(margin=0.2), settled(0.002)), record(bare, settled(0.002))]
    found = {v.cell["epochs"]: v for v in on(analysis.load(uris), "C1")}
    assert found[3].conclusion == "supported"
    assert found[2].reason == "The study states no margin."


def test_a_copy_of_a_study_beside_it_changes_nothing(study, record, tmp_path):
    uri = record(study(margin=0.5))
    copy = tmp_path / "copy" / "small"
    shutil.copytree(uri, copy)
    loaded = analysis.load([uri, f"{uri}/", str(copy)])
    assert len(loaded.trials) == 6
    assert len(loaded.epochs.df()) == 6 * 4


def test_dead_pruning_is_told_of_the_gain_of_flipping(judge):
    def final(trial):
        dead = trial.method == "free-pruning" and trial.positive_fraction == 0.1
        gain = 0.1 * (trial.method == "free-flipping")
        found = {"test_accuracy": 0.8 + gain + 0.001 * trial.seed * gain, "changed": 0.1}
        return found | ({"test_accuracy": 0.1, "outcome": "dead"} if dead else {})

    given = {"method": ["free-pruning", "free-flipping"], "positive_fraction": [0.1, 0.5]}
    (verdict,) = judge(final, "C9-asymmetric", **given)
    assert verdict.diverged_or_dead == {"diverged": 0, "dead": 3}
    assert verdict.without_diverged_or_dead == "undecided"


def test_never_reached_is_told_apart_from_not_finished(judge):
    (verdict,) = judge(settled(-0.5), "C5-time")
    assert verdict.conclusion == "undecided"
    assert verdict.flags == (
        "finished, but one of the two never reached what is compared: seed 1, 2, 3",
    )


def test_methods_that_train_weights_say_nothing_of_thresholds(judge):
    grids = [{"method": ["free-pruning"]}, {"method": "snip", "density": [0.3, 0.7]}]
    final = at_densities(0.001, -0.2)
    assert judge(final, "C6", grids=grids, method="dense") == ()
    (verdict,) = judge(final, "C6-trained-weights", grids=grids, method="dense")
    assert "a secondary form of the claim" in verdict.exploratory


def test_where_a_claim_over_cells_ends_is_named(study, record):
    def final(trial):
        dead = trial.positive_fraction == 0.0 and trial.method != "dense"
        found = settled(-0.01)(trial)
        return found | ({"test_accuracy": 0.1 + 0.001 * trial.seed} if dead else {})

    given = study(margin=0.5, positive_fraction=[0.0, 0.1, 0.5, 0.9])
    loaded = analysis.load(record(given, final))
    (one,) = overall(on(loaded, "C4a"))
    assert one.conclusion == "refuted"
    assert "supported in 2 of 3 cells" in summed_up(loaded, one)
    assert "(2 after Holm's correction)" in summed_up(loaded, one)
    assert "refuted at positive fraction 0" in summed_up(loaded, one)
