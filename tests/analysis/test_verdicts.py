"""Verdicts on results made by hand, whose differences are known to the last digit."""

import itertools
import json
import math
import re
import shutil
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.verdicts import claims, overall, untested, verdicts
from analysis.verdicts.claims import CLAIMS, chosen
from analysis.verdicts.formatting import as_dict, cautions, notes, summed_up, where
from studies.components import forget, left_out
from studies.errors import UserError
from studies.study import shipped

#: The t distribution's 95% point for two degrees of freedom, from a printed table.
T2 = 2.920
#: Deviations of three seeds whose mean is 0 and whose standard deviation is 1.
SPREAD = {1: -1.0, 2: 0.0, 3: 1.0}


#: Three epochs of two seconds.
SLOW = {"epochs": {"train_seconds": [0.0, 2.0, 2.0, 2.0]}, "row": {"seconds": 7.2}}


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

    def run(final, claim="C1-common", only=lambda trial: True, **given):
        asked = study(**{"margin": 0.5, "dataset": "cifar10", **given})
        asked = asked.model_copy(update={"name": f"made-{next(numbers)}"})
        return on(analysis.load(record(asked, final, only)), claim)

    return run


def test_supported_by_hand(judge):
    # differences 0.1, 0.2, 0.3 points: mean 0.2, s = 0.1, half = 2.920 * 0.1 / sqrt(3) = 0.1686
    (verdict,) = judge(settled(0.002))
    assert verdict.uncorrected == "supported"
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
    assert not any("another margin" in flag for flag in verdict.flags)
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
    assert verdict.uncorrected == conclusion


def test_undecided_says_how_many_seeds_would_do(judge):
    (verdict,) = judge(settled(-0.004, spread=0.006))
    assert "The interval contains the bound." in verdict.reason
    assert re.search(
        r" With no true difference, \d+ seeds would decide with 80% power\.$", verdict.reason
    )


def test_fewer_seeds_than_planned_decide_nothing(judge):
    (verdict,) = judge(settled(0.002), only=lambda t: t.seed < 3 or t.method == "dense")
    assert (verdict.uncorrected, verdict.reason) == ("undecided", "n = 2, 3 planned")
    assert any("without a finished partner: seed 3" in flag for flag in verdict.flags)


def test_nothing_finished_yet(judge):
    (verdict,) = judge(settled(0.002), only=lambda trial: trial.method == "dense")
    assert (verdict.uncorrected, verdict.reason) == ("undecided", "n = 0, 3 planned")
    assert math.isnan(verdict.p)


def test_one_seed_decides_nothing(judge):
    (verdict,) = judge(settled(0.002), seeds=1)
    assert (verdict.uncorrected, verdict.reason) == ("undecided", "There is only one seed.")
    assert math.isnan(verdict.comparisons[0].interval.low)


def test_equal_differences_without_images_decide_nothing(judge):
    (changed,) = judge(settled(0.0), "C2", method=["dense", "minimal-pruning"])
    assert math.isnan(changed.comparisons[0].p)  # 10% changed with every seed
    assert changed.uncorrected == "undecided"
    assert "no t interval" in changed.reason


def test_images_decide_a_perfect_tie(judge):
    # In all three seeds both sides answer every image alike: of 1,000 images up to 0.3% may differ
    # (rule of three), of 96 up to 3%.
    (verdict,) = judge(settled(0.0, spread=0.0))
    assert verdict.uncorrected == "supported"
    assert verdict.comparisons[0].interval.low == pytest.approx(-0.003, abs=1e-4)
    few = {"row": {"test_images": 96}}
    (verdict,) = judge(settled(0.0, spread=0.0, **few))
    assert verdict.uncorrected == "undecided"


def test_no_margin_decides_nothing(judge):
    (verdict,) = judge(settled(0.002), margin=None)
    assert (verdict.uncorrected, verdict.reason) == ("undecided", "The study states no margin.")


def test_no_dense_no_verdict(study, record):
    loaded = analysis.load(record(study(method="free-pruning")))
    found = verdicts(loaded)
    left = {claim.id: claim.study for claim in untested(found)}
    assert found == ()
    assert left["C1"] == "threshold-mnist"
    assert set(left) == {claim.id for claim in CLAIMS}


def test_every_claim_names_a_study_that_tests_it():
    for claim in CLAIMS:
        assert claim.study in {*shipped(), "make bench"}


#: The floor: softmax regression on the same data.
LINEAR = {"network": "linear", "method": "dense"}
#: What C9 compares, with a floor.
FLIPPING = [{"method": ["free-pruning", "free-flipping"]}, LINEAR]
TWO = [{"method": "free-pruning"}, {"method": "edge-popup", "density": [0.3, 0.7]}]
FIFTEEN = {"seeds": 15, "dataset": "cifar10", "method": "dense", "grids": FLIPPING}
LATE = "trials with its seeds were finished before its definition was recorded"


def varied(difference):
    """Final figures: free flipping is better by a difference, softmax regression far below."""

    def final(trial):
        if trial.network == "linear":
            return {"test_accuracy": 0.3, "changed": 0.0}
        flips = trial.method == "free-flipping"
        accuracy = 0.96 + flips * (difference + 0.001 * (trial.seed % 3))
        return {"test_accuracy": accuracy, "changed": 0.1}

    return final


def test_confirmatory_if_all_was_fixed_beforehand(judge):
    (verdict,) = judge(varied(0.01), "C9", **FIFTEEN)
    assert verdict.exploratory == ()
    assert verdict.conclusion == "supported"
    assert math.isnan(verdict.q)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"seeds": 3}, "3 seeds planned, a confirmatory verdict needs 15"),
        ({"seeds": 14}, "14 seeds planned, a confirmatory verdict needs 15"),
        ({"dataset": "digits"}, "digits is a demonstration"),
        ({"grids": FLIPPING[:1]}, "no softmax regression is planned on cifar10"),
        ({"claims": ["C6"]}, "the definition names other claims (C6)"),
    ],
)
def test_exploratory_and_why(judge, given, said):
    (verdict,) = judge(varied(0.03), "C9", **FIFTEEN | given)
    assert verdict.exploratory == (said,)
    assert verdict.q <= 0.05
    assert verdict.conclusion == "suggests"
    assert not verdict.added


def test_a_claim_that_the_definition_names_may_be_confirmatory(judge):
    (verdict,) = judge(varied(0.01), "C9", claims=["C9"], **FIFTEEN)
    assert verdict.exploratory == ()


def test_seeds_added_later_are_exploratory(study, record):
    record(study(margin=0.5, **FIFTEEN), varied(0.01))
    more = study(margin=0.5, **FIFTEEN | {"seeds": 18})
    loaded = analysis.load(record(more, varied(0.01), only=lambda trial: trial.seed > 15))
    (verdict,) = on(loaded, "C9")
    assert verdict.exploratory == (
        "only 15 of 18 seeds were planned by one definition before any trial with them was "
        "finished",
    )
    assert verdict.added
    assert (verdict.n, verdict.planned) == (18, 18)


def test_cells_added_later_are_exploratory(study, record):
    record(study(margin=0.5, **FIFTEEN), varied(0.01))
    more = study(margin=0.5, **FIFTEEN, weights=["he-normal", "he-constant"])
    only = lambda trial: trial.weights == "he-constant"  # noqa: E731
    loaded = analysis.load(record(more, varied(0.01), only))
    found = {v.cell["weights"]: v for v in on(loaded, "C9")}
    assert found["he-normal"].exploratory == ()
    assert found["he-constant"].exploratory == (LATE,)


def test_cells_added_later_to_a_demonstration_do_not_count(study, record):
    given = {"margin": 0.5, **FIFTEEN, "dataset": "digits"}
    record(study(**given), varied(0.01))
    only = lambda trial: trial.weights == "he-constant"  # noqa: E731
    more = study(**given, weights=["he-normal", "he-constant"])
    loaded = analysis.load(record(more, varied(0.01), only))
    late = [v for v in on(loaded, "C9") if LATE in v.exploratory]
    assert [(v.cell["weights"], v.added) for v in late] == [("he-constant", False)]


def test_a_margin_that_changed_is_flagged_and_the_earliest_counts(study, record):
    record(study(margin=0.5, dataset="cifar10"), settled(-0.0032))
    loaded = analysis.load(record(study(margin=0.1, dataset="cifar10"), only=lambda trial: False))
    (verdict,) = on(loaded, "C1-common")
    assert verdict.uncorrected == "supported"  # with 0.1 it would be refuted
    assert "a later definition states another margin; the earliest counts" in verdict.flags


def test_diverged_and_dead_trials_count_and_are_told(judge):
    def final(trial):
        lost = trial.method == "free-pruning" and trial.seed == 3
        found = settled(0.002)(trial)
        return found | ({"test_accuracy": 0.1, "outcome": "dead"} if lost else {})

    (verdict,) = judge(final)
    assert verdict.uncorrected == "undecided"
    assert verdict.failures == {"diverged": 0, "dead": 1, "at chance": 0}
    # 0.1 and 0.2 points: half = 6.314 * 0.05 = 0.32
    assert verdict.without_diverged_or_dead == "suggests"
    assert cautions(verdict)[0] == (
        "failed trials: 1 dead; the verdict without their pairs: suggests"
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


def test_pairs_across_kinds_of_cpu_are_flagged(judge):
    kinds = [f"python=3.11.7 cpu=x86_64,{kind} torch=2.14.1" for kind in ("A,AVX2", "B,AVX512")]

    def final(trial):
        row = {"versions": kinds[trial.method == "free-pruning" and trial.seed == 3]}
        return settled(0.002)(trial) | {"row": row}

    (verdict,) = judge(final)
    assert "1 of 3 pairs are of two library versions or kinds of CPU" in verdict.flags
    mixed = f"mixture of library versions or kinds of CPU: {', '.join(kinds)}"
    assert mixed in verdict.flags


DENSITIES = [{"method": "free-pruning"}, {"method": "edge-popup", "density": [0.3, 0.5, 0.7]}]


def at_densities(low, high, spread=0.001):
    gaps = {0.0: 0.0, 0.3: low, 0.5: 0.0, 0.7: high}
    return lambda trial: {
        "test_accuracy": 0.9
        + gaps[trial.density]
        + (trial.density > 0) * spread * SPREAD[trial.seed],
        "changed": 0.1,
    }


def test_a_sweep_needs_every_density(judge):
    (verdict,) = judge(at_densities(0.001, -0.002), "C6", grids=DENSITIES, method="dense")
    assert verdict.uncorrected == "supported"
    assert [dict(one.at) for one in verdict.comparisons] == [
        {"density": density} for density in (0.3, 0.5, 0.7)
    ]
    assert verdict.decisive.at == {"density": 0.3}
    assert verdict.p == verdict.comparisons[0].p
    assert verdict.decisive.bound == 0.005
    # All differences lie below the bound, in one of 2^3 patterns of signs.
    assert [one.sign_flip for one in verdict.comparisons] == [1 / 8] * 3
    # At density 0.3 the interval reaches highest: 0.1 + 2.920 * 0.1 / sqrt(3) points.
    reach = 0.001 + T2 * 0.001 / math.sqrt(3)
    assert verdict.decisive.smallest_margin == pytest.approx(reach, abs=1e-6)
    # With a margin below 0.3 points, only one of the three would lie within it of the best.
    assert verdict.smallest_margin == pytest.approx(0.003)
    assert verdict.q == verdict.comparisons[0].q > verdict.comparisons[2].q


def test_the_closest_density_is_that_whose_interval_reaches_highest(judge):
    def figures(trial):
        """At 0.3 a little worse each time; at 0.7 far worse, but by very different amounts."""
        gap = {0.3: (-0.004, 0.001), 0.7: (-0.2, 0.1)}.get(trial.density, (-0.1, 0.001))
        worse = gap[0] + gap[1] * SPREAD[trial.seed] if trial.density else 0.0
        return {"test_accuracy": 0.9 + worse, "changed": 0.1}

    (verdict,) = judge(figures, "C6", grids=DENSITIES, method="dense")
    p = {one.at["density"]: one.p for one in verdict.comparisons}
    assert p[0.7] > p[0.3]
    assert [one.smallest_margin for one in verdict.comparisons] == [0.0] * 3
    assert verdict.decisive.at == {"density": 0.3}
    (verdict,) = judge(at_densities(0.004, -0.002), "C6", grids=DENSITIES, method="dense")
    assert verdict.uncorrected == "undecided"
    assert "in 1 of 3 comparisons" in verdict.reason


def test_a_sweep_is_refuted_by_holm(judge):
    # t = 0.2 / (0.1 / sqrt(3)) = 3.46 and p = 0.037, by Holm 0.111: not refuted by that alone
    (verdict,) = judge(at_densities(0.007, -0.2), "C6", grids=DENSITIES, method="dense")
    assert verdict.comparisons[0].p_against == pytest.approx(0.037, abs=1e-3)
    assert verdict.uncorrected == "undecided"
    assert "correction" in verdict.reason
    (verdict,) = judge(at_densities(0.009, -0.2), "C6", grids=DENSITIES, method="dense")
    assert verdict.uncorrected == "refuted"


def test_thresholds_are_compared_and_not_recipes(judge):
    final = at_densities(0.001, -0.002)
    # Another rate: every method needs its own.
    grids = [DENSITIES[0], DENSITIES[1] | {"learning_rate": 0.1}]
    (verdict,) = judge(final, "C6", grids=grids, method="dense")
    assert verdict.uncorrected == "supported"
    # Another optimiser: shown beside, as a comparison of recipes, and never confirmatory.
    grids = [DENSITIES[0], DENSITIES[1] | {"learning_rate": 0.1, "optimizer": "sgd"}]
    assert judge(final, "C6", grids=grids, method="dense") == ()
    (verdict,) = judge(final, "C6-authors", grids=grids, method="dense")
    assert verdict.uncorrected == "supported"
    assert "a secondary form of the claim" in verdict.exploratory


def test_minimal_change_needs_both_criteria(judge):
    def final(changed):
        return lambda trial: settled(-0.05)(trial) | {"changed": changed + 0.001 * trial.seed}

    methods = ["dense", "minimal-pruning"]
    (verdict,) = judge(final(0.05), "C2", method=methods)
    assert verdict.uncorrected == "supported"
    accuracy = verdict.comparisons[1]
    assert accuracy.interval.mean == pytest.approx(0.85 - 0.9 * 0.9)
    above_chance = verdict.comparisons[2]  # (0.85 - 0.1) - 0.9 * (0.9 - 0.1)
    assert above_chance.interval.mean == pytest.approx(0.03)
    assert not above_chance.criterion.decides
    (verdict,) = judge(final(0.2), "C2", method=methods)
    assert verdict.uncorrected == "refuted"


def test_softmax_regression_stands_beside_minimal_change(judge):
    grids = [{"method": ["dense", "minimal-pruning"]}, {"network": "linear", "method": "dense"}]

    def final(trial):
        linear = {"test_accuracy": 0.8} if trial.network == "linear" else {}
        return settled(-0.05)(trial) | linear

    (verdict,) = judge(final, "C2", grids=grids, method="dense")
    (floor,) = (c for c in verdict.comparisons if "softmax" in c.criterion.says)
    assert floor.criterion.decides
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
    assert good.uncorrected == "supported"
    assert good.comparisons[0].interval.mean == pytest.approx(0.88 - 0.81)
    (as_good,) = judge(final, "C4b", **given)
    assert as_good.uncorrected == "refuted"
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
    assert verdict.uncorrected == "supported"
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
    assert {v.cell["positive_fraction"]: v.uncorrected for v in found} == {
        0.1: "supported",
        0.5: "supported",
    }
    (gain,) = judge(final, "C9-asymmetric", **given)
    assert gain.comparisons[0].interval.mean == pytest.approx(0.02)
    assert not gain.comparisons[0].over_images  # no accuracies, so no answers to images
    assert gain.uncorrected == "supported"


def test_width(judge):
    given = {"method": "free-pruning", "width": [0.5, 1, 2]}
    final = settled(lambda trial: 0.01 * math.log2(trial.width))

    def spread(trial):
        found = final(trial)
        return found | {"test_accuracy": found["test_accuracy"] + 1e-4 * trial.seed * trial.width}

    (verdict,) = judge(spread, "C10", **given)
    assert verdict.cell["width"] == 2
    assert verdict.uncorrected == "supported"


def test_the_noise_of_images_counts_on_every_data_set(judge):
    # Three seeds of 16 images, all of which differ by the same one image: t sees no noise, and the
    # images are too few.
    def final(trial):
        ours = trial.method != "dense"
        bits = np.ones(16, bool)
        bits[: 2 if ours else 1] = False
        row = {"test_images": 16, "test_correct": np.packbits(bits).tobytes()}
        return settled(-0.002)(trial) | {"row": row}

    (verdict,) = judge(final)
    (one,) = verdict.comparisons
    assert one.over_images
    assert one.over_seeds.low > -0.005
    # MS_seed = 16 * 0.001^2, MS_image = 3 * (15 / 16) / 15 = 3 / 16 and MS_residual = 0, over 48
    assert one.estimate.error == pytest.approx(math.sqrt((16e-6 + 3 / 16) / 48))
    assert one.interval.low < -0.05
    assert verdict.uncorrected == "undecided"
    assert one.mcnemar == (0, 0)


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

    given = study(margin=0.5, dataset="cifar10", learning_rate=[1e-3, 3e-3])
    given = given.model_copy(update={"tuning_seeds": [101, 102]})
    loaded = analysis.load(record(given, final))
    (verdict,) = on(loaded, "C1")
    (one,) = verdict.comparisons
    assert verdict.uncorrected == "supported"
    assert one.interval.mean == pytest.approx(0.002)
    assert set(one.pairs["chosen"]) == {"learning rate 0.003"}
    # Two rates on two tuning seeds and one final run, each as long as the partner's.
    assert (
        "5 trainings per seed for tuning and the final run, which took 5 times as long as the "
        "final run of the partner; chosen (seeds): learning rate 0.003 (3)"
    ) in cautions(verdict)
    assert "one choice on common tuning seeds serves all seeds" in verdict.exploratory


def test_before_its_tuning_is_finished_an_arm_has_no_best_recipe(study, record):
    given = study(margin=0.5, dataset="cifar10", learning_rate=[1e-3, 3e-3])
    given = given.model_copy(update={"tuning_seeds": [101, 102]})
    lacks = lambda t: not (t.seed == 102 and t.learning_rate == 3e-3)  # noqa: E731
    loaded = analysis.load(record(given, settled(0.002), lacks))
    (verdict,) = on(loaded, "C1")
    assert (verdict.uncorrected, verdict.reason) == ("undecided", "n = 0, 3 planned")


def test_a_density_tuned_honestly_is_chosen_on_seeds_of_its_own(study, record):
    # Validation prefers 0.7 on the tuning seeds of replicates 1 and 2 and 0.3 on that of replicate
    # 3; on the fresh seeds 0.3 would be better throughout.
    def final(trial):
        low = trial.density == 0.3
        prefers_low = trial.seed == 103
        if trial.seed > 100:
            accuracy = 0.9 if low == prefers_low else 0.8
        else:
            accuracy = {0.0: 0.9, 0.3: 0.95, 0.7: 0.89}[trial.density]
            accuracy += 0.001 * trial.seed * (trial.density > 0)
        return {"test_accuracy": accuracy, "changed": 0.1}

    given = study(margin=0.5, dataset="cifar10", grids=TWO, method="dense")
    given = given.model_copy(update={"tuning_seeds": [101, 102, 103]})
    loaded = analysis.load(record(given, final))
    (verdict,) = on(loaded, "C7")
    pairs = verdict.comparisons[0].pairs
    assert pairs["chosen"].tolist() == ["density 0.7", "density 0.7", "density 0.3"]
    assert pairs["difference"].tolist() == pytest.approx([-0.009, -0.008, 0.053])
    assert pairs["spent"].tolist() == [3, 3, 3]  # two densities on one seed, and the fresh one
    assert (verdict.n, verdict.planned) == (3, 3)
    text = " ".join(notes(loaded, verdict.claim, [verdict]))
    # each trial took 3.6 seconds
    assert "3 trainings per seed for tuning and the final run, which took 3 times as long" in text
    assert "chosen (seeds): density 0.3 (1); density 0.7 (2)" in text


def test_a_replicate_that_misses_a_density_is_left_out(study, record):
    given = study(margin=0.5, dataset="cifar10", grids=TWO, method="dense")
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
    assert found["free-pruning"].uncorrected == "supported"
    assert found["free-flipping"].uncorrected == "refuted"
    assert math.exp(found["free-pruning"].decisive.interval.mean) == pytest.approx(1.1, abs=1e-3)
    assert where(loaded, found["free-pruning"]) == "lenet-300-100, batch size 25"


def test_time_to_accuracy_from_the_epochs(judge):
    # Accuracy after epochs 1, 2, 3 is 0.5, 0.7 and 0.9 of the end (see conftest): dense and an arm
    # that ends 10% higher reach 95% of dense's end after three epochs; two seconds each.
    (verdict,) = judge(settled(0.0, spread=0.0, **SLOW), "C5-time")
    assert verdict.comparisons[0].pairs["log_seconds"].tolist() == pytest.approx([math.log(6)] * 3)
    assert verdict.uncorrected == "undecided"  # equal times


def test_the_time_ends_when_the_accuracy_is_first_reached(judge):
    # 95% of dense's end of 0.9 is 0.855: dense is there after three epochs, the arm after two.
    of_epochs = {"dense": [0.1, 0.5, 0.6, 0.9], "free-pruning": [0.1, 0.5, 0.9, 0.88]}

    def final(trial):
        slow = settled(0.0, spread=0.0, **SLOW)(trial)
        epochs = slow["epochs"] | {"test_accuracy": of_epochs[trial.method]}
        return slow | {"epochs": epochs}

    (verdict,) = judge(final, "C5-time")
    assert verdict.comparisons[0].pairs["log_seconds"].tolist() == pytest.approx([math.log(4)] * 3)


def test_times_of_short_epochs_or_to_chance_are_not_judged(judge):
    (verdict,) = judge(settled(0.0, spread=0.0, row={"seconds": 1.5}), "C5-time")
    assert verdict.reason == "Epochs of 0.50 s are too short to compare times."
    (verdict,) = judge(settled(0.0, dense=0.11, **SLOW), "C5-time")
    assert verdict.reason == "The accuracy to be reached is at chance."


def test_cells_together(judge):
    def final(trial):
        poor = trial.weights == "he-constant" and trial.epochs == 3
        return settled(-0.1 if poor else 0.002)(trial)

    found = judge(final, weights=["he-normal"], epochs=[2, 3])
    (one,) = overall(found)
    assert (one.conclusion, len(one.supported), one.by_holm) == ("suggests", 2, 2)
    found = judge(
        lambda t: settled(0.002 if t.epochs == 2 else -0.1)(t), weights="he-normal", epochs=[2, 3]
    )
    (one,) = overall(found)
    assert (one.conclusion, len(one.supported)) == ("speaks against", 1)


def test_everything_is_json(study, record):
    given = study(margin=0.5, seeds=2, method=["dense", "minimal-pruning"])
    loaded = analysis.load(record(given, settled(0.002, spread=0.0)))
    told = json.loads(json.dumps([as_dict(loaded, v) for v in verdicts(loaded)], allow_nan=False))
    (first,) = (one for one in told if one["claim"] == "C2")
    assert (first["verdict"], first["p"]) == ("open", None)
    assert first["diverged_or_dead"] == {"diverged": 0, "dead": 0, "at chance": 0}
    assert first["verdict_without_diverged_or_dead"] == "open"
    assert [pair["seed"] for pair in first["comparisons"][0]["pairs"]] == [1, 2]


@pytest.mark.parametrize("lacks", [(), (102,), (1, 2, 3), (1, 2, 3, 101, 102)])
def test_everything_of_a_tuned_study_is_json(study, record, lacks):
    given = study(margin=0.5, dataset="cifar10", learning_rate=[1e-3, 3e-3])
    given = given.model_copy(update={"tuning_seeds": [101, 102]})
    loaded = analysis.load(record(given, settled(0.002), lambda trial: trial.seed not in lacks))
    told = json.loads(json.dumps([as_dict(loaded, v) for v in verdicts(loaded)], allow_nan=False))
    (first,) = (one for one in told if one["claim"] == "C1")
    assert {first["cell"][name] for name in ("learning_rate", "batch_size", "schedule")} == {
        "tuned"
    }
    assert first["cell"]["network"] == "lenet-300-100"
    assert first["n"] == (0 if lacks else 3)


def test_notes_are_said_once(judge, study, record):
    found = judge(settled(0.002), method=["dense", "free-pruning", "free-flipping"])
    results = analysis.load(record(study(method=["dense", "free-pruning", "free-flipping"])))
    kind, *_, note = notes(results, found[0].claim, found)
    assert kind.startswith("exploratory: a secondary form of the claim")
    assert note == found[0].claim.note


@pytest.mark.parametrize("value", ["5", "[]", "['C6']", "{}", "None"])
def test_a_module_of_claims_that_holds_something_else_is_left_out(tmp_path, monkeypatch, value):
    (tmp_path / "no_claims.py").write_text(f"CLAIMS = {value}")
    monkeypatch.syspath_prepend(str(tmp_path))
    point = EntryPoint("other", "no_claims", "untuned.claims")
    monkeypatch.setattr(claims, "entry_points", lambda group: [point])
    claims._with_claims_of.cache_clear()
    assert claims.every_claim() == CLAIMS
    assert "entry point other: no_claims has no CLAIM or CLAIMS" in left_out()
    claims._with_claims_of.cache_clear()
    del sys.modules["no_claims"]
    forget()


def test_chosen_claims():
    assert [claim.id for claim in chosen(["c9"])] == ["C9", "C9-minimal", "C9-asymmetric"]
    assert [claim.id for claim in chosen(["C8-rate"])] == ["C8-rate", "C8-rate-others"]
    assert chosen([]) == CLAIMS
    assert [claim.id for claim in chosen(["C4"])] == ["C4a", "C4b", "C4b-skewed"]
    assert [claim.id for claim in chosen(["c4b"])] == ["C4b", "C4b-skewed"]
    assert [claim.id for claim in chosen(["C1"])][-1] == "C1-same-weights"
    with pytest.raises(UserError, match="claim 'C99'"):
        chosen(["C99"])


def test_a_density_added_later_makes_its_sweep_exploratory(study, record):
    given = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense"}

    def uneven(trial):
        if trial.network == "linear":
            return {"test_accuracy": 0.3, "changed": 0.0}
        away = -0.1 * trial.density + 1e-3 * (trial.seed % 3) * (trial.density > 0)
        return {"test_accuracy": 0.9 + away, "changed": 0.1}

    first = [LINEAR, DENSITIES[0], {"method": "edge-popup", "density": 0.3}]
    record(study(grids=first, **given), uneven)
    loaded = analysis.load(record(study(grids=[LINEAR, *DENSITIES], **given), uneven))
    (verdict,) = on(loaded, "C6")
    assert verdict.exploratory == (LATE,)


def test_a_partner_added_later_makes_it_exploratory(study, record):
    given = {"margin": 0.5, **FIFTEEN}
    first = [{"method": "free-flipping"}, LINEAR]
    record(study(**given | {"grids": first}), varied(0.01))
    (verdict,) = on(analysis.load(record(study(**given), varied(0.01))), "C9")
    assert verdict.exploratory == (LATE,)


def test_a_gain_is_committed_to_with_both_of_its_sides(study, record):
    # Pruning was added when the seeds of flipping were known.
    given = {"dataset": "cifar10", "positive_fraction": [0.1, 0.5]}
    record(study(**given, method="free-flipping"), settled(0.002))
    both = study(**given, method=["free-pruning", "free-flipping"])
    only = lambda trial: trial.method == "free-pruning"  # noqa: E731
    (verdict,) = on(analysis.load(record(both, settled(0.001), only)), "C9-asymmetric")
    assert (verdict.n, verdict.comparisons[0].committed) == (3, 0)


def test_tuning_that_is_not_finished_leaves_replicates_open(study, record):
    given = study(margin=0.5, dataset="cifar10", grids=TWO, method="dense")
    given = given.model_copy(update={"tuning_seeds": [101, 102, 103]})
    loaded = analysis.load(record(given, settled(0.002), lambda t: t.seed not in (101, 102)))
    (verdict,) = on(loaded, "C7")
    assert verdict.comparisons[0].pairs["seed"].tolist() == [3]  # the third has its tuning seed
    assert verdict.reason == "n = 1, 3 planned"


def test_different_test_images_decide_nothing_on_mnist(judge):
    def final(trial):
        mark = "ffff" if trial.method == "dense" else "0000"
        return settled(0.002)(trial) | {"row": {"dataset_fingerprint": mark}}

    (verdict,) = judge(final, dataset="mnist")
    assert verdict.uncorrected == "undecided"
    assert "Not all trials were evaluated on the same test images" in verdict.reason
    assert "3 of 3 pairs are of different data" in verdict.flags


def test_a_study_without_a_margin_borrows_none(study, record):
    bare = study(epochs=2, dataset="cifar10").model_copy(update={"name": "bare"})
    stated = study(margin=0.2, dataset="cifar10")
    uris = [record(stated, settled(0.002)), record(bare, settled(0.002))]
    found = {v.cell["epochs"]: v for v in on(analysis.load(uris), "C1-common")}
    assert found[3].uncorrected == "supported"
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
    assert verdict.failures == {"diverged": 0, "dead": 3, "at chance": 0}
    assert verdict.without_diverged_or_dead == "open"


def test_never_reached_is_told_apart_from_not_finished(judge):
    (verdict,) = judge(settled(-0.5, **SLOW), "C5-time")
    assert verdict.uncorrected == "undecided"
    assert verdict.flags == (
        "finished, but without a value to compare for one of the two: seed 1, 2, 3",
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

    given = study(margin=0.5, dataset="cifar10", positive_fraction=[0.0, 0.1, 0.5, 0.9])
    loaded = analysis.load(record(given, final))
    (one,) = overall(on(loaded, "C4a"))
    assert one.conclusion == "speaks against"
    assert "suggested in 2 of 3 cells" in summed_up(loaded, one)
    assert "(2 after Holm's correction)" in summed_up(loaded, one)
    assert "spoken against at positive fraction 0" in summed_up(loaded, one)
