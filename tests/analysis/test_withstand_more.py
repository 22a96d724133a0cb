"""Further ways in which a broken, poor or unfair side could decide, found by trying to."""

import math

import pytest
from withstand_support import LINEAR, NESTED, densities, final, judge_with, named, noise, on

import analysis
from analysis.report.answers import answers
from analysis.verdicts import verdicts
from analysis.verdicts.claim import Claim, Criterion, where

FREE_RATES = [1e-3, 3e-3, 1e-2, 3e-2]


@pytest.fixture
def judge(study, record_in, tmp_path):
    """The verdicts on a claim for a study made by hand."""
    return judge_with(study, record_in, tmp_path)


# Several studies together ----------------------------------------------------------------------


@pytest.fixture
def two(study, record_in, tmp_path):
    """Record two studies beside each other, the second one planned before the first ran."""

    def run(figures, first, second, *, at_once=True):
        common = {"margin": 0.5, "dataset": "cifar10", "method": "dense"}
        studies = [named(study(**common | given), name) for name, given in (first, second)]
        if at_once:
            for one in studies:
                record_in(tmp_path, one, figures, lambda trial: False)
        return [record_in(tmp_path, one, figures) for one in studies]

    return run


def test_a_study_that_tunes_a_rate_takes_no_trial_from_another_one(two):
    # One study tunes the rate of free pruning, another one sweeps over the start of its scores.
    tuned = {"method": "free-pruning", "learning_rate": [1e-3, 3e-3], "tuned": "learning_rate"}
    swept = {"method": "free-pruning", "score_offset": [0.0, 0.1, 0.3, 0.5]}
    a = ("a", {"grids": [tuned, LINEAR], "seeds": 3, "tuning_seeds": [101, 102, 103]})
    b = ("b", {"grids": [swept, LINEAR], "seeds": 3})
    uris = two(final(lambda t: 0.9 + noise(t)), a, b)
    for order in ([uris[1]], uris, uris[::-1]):
        (verdict,) = on(analysis.load(order), "C8-offset")
        assert (verdict.n, len(verdict.deciding)) == (3, 3)


def test_more_seeds_in_another_study_are_a_look_as_well(two):
    grids = [{"method": ["free-pruning", "free-flipping"]}, LINEAR]
    a = ("a", {"grids": grids, "seeds": "1-15"})
    b = ("b", {"grids": grids, "seeds": "16-30"})
    uris = two(final(lambda t: 0.9 + noise(t)), a, b, at_once=False)
    (alone,) = on(analysis.load(uris[0]), "C9")
    assert alone.exploratory == ()
    (together,) = on(analysis.load(uris), "C9")
    assert together.n == 30
    assert together.exploratory == (
        "only 15 of 30 seeds were planned by one definition before any trial with them was "
        "finished",
    )


def test_two_studies_may_commit_a_side_each(two):
    a = ("a", {"grids": [{"method": "free-pruning"}, LINEAR], "seeds": 15})
    b = ("b", {"grids": [{"method": "free-flipping"}, LINEAR], "seeds": 15})
    (verdict,) = on(analysis.load(two(final(lambda t: 0.9 + noise(t)), a, b)), "C9")
    assert verdict.exploratory == ()


def test_the_order_of_two_studies_that_tune_decides_nothing(two):
    # Dense training is a point and a half better at the rates of the second study.
    def accuracy(trial):
        dense = 0.92 if trial.learning_rate > 5e-3 else 0.905
        return (dense if trial.method == "dense" else 0.91) + noise(trial)

    def tunes(rates):
        grids = [{"method": ["dense", "free-pruning"], "learning_rate": rates}, LINEAR]
        return {"grids": grids, "seeds": 3, "tuning_seeds": [101, 102, 103]}

    uris = two(final(accuracy), ("a", tunes([1e-3, 3e-3])), ("b", tunes([1e-2, 3e-2])))
    found = [on(analysis.load(order), "C1")[0] for order in (uris, uris[::-1])]
    means = [one.comparisons[0].interval.mean for one in found]
    assert means[0] == means[1] == pytest.approx(-0.01, abs=2e-3)
    assert any("tuned by several studies" in flag for flag in found[0].flags)
    # For each seed two rates on its tuning seed in either study, and one fresh trial.
    pairs = found[0].comparisons[0].pairs
    assert set(pairs["spent"]) == {2 + 2 + 1}
    assert (pairs["spent_seconds"] / pairs["seconds"]).tolist() == pytest.approx([5.0] * 3)


# Recipes and rivals ------------------------------------------------------------------------------


def test_a_rival_whose_recipe_nobody_tuned_supports_nothing(judge):
    # Free pruning chose among four rates. At the one rate that it shares with the densities, each
    # of these is a point better.
    free = dict(zip(FREE_RATES, (0.84, 0.86, 0.88, 0.90), strict=True))
    grids = [
        {"method": "free-pruning", "learning_rate": FREE_RATES},
        {"method": "edge-popup", "density": [0.3, 0.5, 0.7], "learning_rate": 1e-3},
    ]

    def accuracy(trial):
        level = 0.85 if trial.method == "edge-popup" else free[trial.learning_rate]
        return level + noise(trial)

    (verdict,) = judge(final(accuracy), "C6", grids, **NESTED)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == (
        "Edge-popup has a single recipe, but the other side chose among several."
    )


def test_every_rival_of_the_kind_has_to_be_a_fair_one(judge):
    grids = [{"method": ["free-pruning", "free-flipping"]}, {"method": "supermask"}]
    broken = final(lambda t: 0.2 if t.method == "supermask" else 0.9 + noise(t))
    (verdict,) = judge(broken, "C11", grids)
    assert verdict.conclusion == "undecided"
    assert verdict.reason.startswith("A rival misses its floor: supermask reaches 20.00%")
    (verdict,) = judge(final(lambda t: 0.9 + noise(t)), "C11", grids)
    assert verdict.conclusion == "supported"


def test_a_tuned_density_was_chosen_among_three_that_learn(judge):
    poor = final(lambda t: (0.4 if t.method == "edge-popup" else 0.9) + noise(t))
    (verdict,) = judge(poor, "C7", densities(0.005, 0.01), **NESTED)
    assert verdict.conclusion == "undecided"
    assert verdict.reason == (
        "2 of the densities that were tried exceed softmax regression, 3 are needed."
    )
    (verdict,) = judge(poor, "C7", densities(0.3, 0.5, 0.7), **NESTED)
    assert verdict.conclusion == "supported"


# Failures of values that are no plain accuracies ----------------------------------------------


@pytest.mark.parametrize("failed", [4, 15])
def test_a_failed_density_makes_no_default_look_good(judge, failed):
    # Without the failures, free pruning left alone is two points worse than the density is.
    grids = densities(0.3, 0.5, 0.7, learning_rate=1e-3)
    grids.append({"method": "free-pruning", "score_offset": 0.1})

    def accuracy(trial):
        if trial.density == 0.5 and trial.seed <= failed:
            return {"test_accuracy": 0.1, "outcome": "diverged"}
        level = {0.3: 0.903, 0.5: 0.9, 0.7: 0.89}.get(trial.density)
        return (level or (0.90 if trial.score_offset else 0.88)) + noise(trial)

    (verdict,) = judge(final(accuracy), "C12", grids, **NESTED)
    assert verdict.comparisons[0].criterion.rival == "partner"
    assert verdict.conclusion == "undecided"
    assert "failed in 15 of 15" in verdict.reason if failed == 15 else "failures" in verdict.reason


def test_failed_densities_have_no_accuracy_at_a_size(judge):
    layers = (19_200, 30_000, 1_000)
    sizes = {0.1: 0.1, 0.4: 0.4, 0.0: 0.2}

    def figures(trial):
        if trial.network == "linear":
            return {"test_accuracy": 0.3, "changed": 0.0}
        counts = tuple(round(sizes[trial.density] * n) for n in layers)
        dead = trial.density == 0.4 and trial.seed % 2
        found = {"test_accuracy": 0.1, "outcome": "dead"} if dead else {"test_accuracy": 0.9}
        if not dead:
            found["test_accuracy"] += noise(trial)
        live = {"connected": counts, "live": counts, "live_changed": (0, 0, 0)}
        return found | {"changed": 0.5, "layers": live}

    (verdict,) = judge(figures, "C10-matched", densities(0.1, 0.4))
    assert verdict.failures["dead"] > 0
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "Edge-popup failed in 8 of 15 trials."


def test_dead_pruning_is_no_gain_of_flipping(judge):
    def accuracy(trial):
        if trial.method == "free-pruning" and trial.positive_fraction == 0.1:
            return {"test_accuracy": 0.1, "outcome": "dead"}
        return 0.8 + 0.1 * (trial.method == "free-flipping") + noise(trial)

    grids = [{"method": ["free-pruning", "free-flipping"], "positive_fraction": [0.1, 0.5]}]
    (verdict,) = judge(final(accuracy), "C9-asymmetric", grids)
    assert verdict.comparisons[0].interval.low > 0.5
    assert verdict.uncorrected == "undecided"
    assert "failed in 15 of 15 trials" in verdict.reason

    # Failures of flipping itself always count.
    def other(trial):
        if trial.method == "free-flipping" and trial.positive_fraction == 0.1:
            return {"test_accuracy": 0.1, "outcome": "dead"}
        return 0.8 + noise(trial)

    (verdict,) = judge(final(other), "C9-asymmetric", grids)
    assert verdict.uncorrected == "refuted"


# Sweeps and edges ----------------------------------------------------------------------------


@pytest.mark.parametrize("tuning", [list(range(101, 116)), [101, 102, 103, 104, 105]])
def test_an_end_of_the_densities_gains_whatever_the_tuning_seeds(judge, tuning):
    grids = densities(0.2, 0.3, 0.5)
    grids[0]["learning_rate"] = grids[1]["learning_rate"] = [1e-3, 3e-3]
    gaps = {0.2: -0.004, 0.3: -0.003, 0.5: -0.001}
    figures = final(lambda t: 0.9 + gaps.get(t.density, 0.0) + noise(t, 3e-4))
    (verdict,) = judge(figures, "C6", grids, tuning_seeds=tuning)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "The rival still gains at density 0.5, the end of its grid."


def test_a_single_tuning_seed_says_that_it_shows_no_edge(judge):
    grids = [{"method": ["dense", "free-pruning"], "learning_rate": [1e-3, 3e-3]}]
    (verdict,) = judge(final(lambda t: 0.9 + noise(t)), "C1", grids, tuning_seeds=[101])
    assert (
        "a single tuning seed cannot show whether an end of a tuned grid still gains"
        in verdict.flags
    )


@pytest.mark.parametrize(
    "rivals",
    [
        {"method": "biprop", "density": [0.2, 0.3, 0.5]},
        {
            "method": [
                "hard-concrete(l0=1e-06)",
                "hard-concrete(l0=1e-05)",
                "hard-concrete(l0=1e-04)",
            ]
        },
    ],
)
def test_the_settings_of_rivals_have_ends_too(judge, rivals):
    gaps = {0.2: -0.004, 0.3: -0.003, 0.5: -0.001}
    of_name = {"1e-06": -0.004, "1e-05": -0.003, "1e-04": -0.001, "0.0001": -0.001}

    def accuracy(trial):
        of_setting = next((g for text, g in of_name.items() if f"l0={text}" in trial.method), 0.0)
        return 0.9 + gaps.get(trial.density, of_setting) + noise(trial, 3e-4)

    grids = [{"method": "free-pruning"}, {"weights": "he-constant", **rivals}]
    (verdict,) = judge(final(accuracy), "C6-rivals", grids)
    assert verdict.uncorrected == "undecided"
    assert "still gains at" in verdict.reason
    assert "0.5" in verdict.reason or "0.0001" in verdict.reason


def test_the_settings_of_a_priced_rival_have_the_floor_of_its_method(judge):
    levels = {"1e-07": 0.5, "1e-06": 0.9, "1e-05": 0.5}
    grids = [
        {"method": "free-pruning"},
        {"method": [f"hard-concrete(l0={value})" for value in levels]},
    ]

    def accuracy(trial):
        level = next((level for text, level in levels.items() if text in trial.method), 0.9)
        return level + noise(trial)

    (verdict,) = judge(final(accuracy), "C6-rivals", grids)
    assert verdict.uncorrected == "undecided"
    assert "1 of 3 values of its parameter reach the floor, 3 are needed" in verdict.reason


# What is missing, added or different ------------------------------------------------------------


def test_softmax_regression_must_be_there_and_be_softmax_regression(judge):
    grids = [{"method": ["free-pruning", "free-flipping"]}]
    low = final(lambda t: (0.25 if t.method == "free-pruning" else 0.9) + noise(t))
    (verdict,) = judge(low, "C9", grids, only=lambda trial: trial.network != "linear")
    assert verdict.conclusion == "undecided"
    assert verdict.reason == "Softmax regression on cifar10 is planned, but not finished."


def test_permuted_labels_are_no_floor(study, record):
    # The floor is planned with permuted labels alone, so there is none: nothing is confirmed.
    grids = [{"method": ["free-pruning", "free-flipping"]}, {**LINEAR, "labels": "permuted"}]
    asked = study(margin=0.5, seeds=15, dataset="cifar10", method="dense", grids=grids)
    (verdict,) = on(analysis.load(record(asked, final(lambda t: 0.9 + noise(t)))), "C9")
    assert verdict.exploratory == ("no softmax regression is planned on cifar10",)


def test_a_place_with_other_images_hides_no_refutation(judge):
    def accuracy(trial):
        found = {"test_accuracy": 0.9 + 0.03 * (trial.density == 0.5) + noise(trial)}
        if trial.density == 0.7:
            found["row"] = {"dataset_fingerprint": "another"}
        return found

    (verdict,) = judge(final(accuracy), "C6", densities(0.3, 0.5, 0.7))
    assert verdict.conclusion == "refuted"
    assert verdict.decisive.at == {"density": 0.5}
    even = final(lambda t: accuracy(t) | {"test_accuracy": 0.9 + noise(t)})
    (verdict,) = judge(even, "C6", densities(0.3, 0.5, 0.7))
    assert verdict.conclusion == "undecided"
    assert verdict.reason == "Not all trials were evaluated on the same test images."


def beaten(trial):
    return 0.9 + 0.03 * (trial.density == 0.5) + noise(trial)


def test_what_is_not_finished_hides_no_refutation(judge):
    lacks = lambda trial: (trial.density, trial.seed) != (0.7, 15)  # noqa: E731
    (verdict,) = judge(final(beaten), "C6", densities(0.3, 0.5, 0.7), only=lacks)
    assert (verdict.conclusion, verdict.n) == ("refuted", 15)
    assert "unfinished: density 0.7 (14 of 15)" in verdict.flags
    # Nobody may stop where it looks best: an unfinished comparison refutes nothing.
    lacks = lambda trial: (trial.density, trial.seed) != (0.5, 15)  # noqa: E731
    (verdict,) = judge(final(beaten), "C6", densities(0.3, 0.5, 0.7), only=lacks)
    assert (verdict.conclusion, verdict.reason) == ("undecided", "n = 14, 15 planned")


@pytest.mark.parametrize("ran", [False, True])
def test_a_density_that_is_added_erases_no_refutation(study, record, ran):
    given = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense"}
    record(study(grids=[*densities(0.3, 0.5, 0.7), LINEAR], **given), final(beaten))
    more = study(grids=[*densities(0.3, 0.5, 0.7, 0.9), LINEAR], **given)
    only = lambda trial: ran and trial.density == 0.9  # noqa: E731
    (verdict,) = on(analysis.load(record(more, final(beaten), only)), "C6")
    assert verdict.conclusion == "refuted"
    assert verdict.exploratory == ()
    assert "added later, not counted: density 0.9" in verdict.flags


def test_a_density_that_is_added_counts_if_it_refutes(study, record):
    given = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense"}
    figures = final(lambda t: 0.9 + 0.03 * (t.density == 0.9) + noise(t))
    first = study(grids=[*densities(0.3, 0.5, 0.7), LINEAR], **given)
    (verdict,) = on(analysis.load(record(first, figures)), "C6")
    assert verdict.conclusion == "supported"
    more = study(grids=[*densities(0.3, 0.5, 0.7, 0.9), LINEAR], **given)
    loaded = analysis.load(record(more, figures, lambda trial: trial.density == 0.9))
    (verdict,) = on(loaded, "C6")
    assert verdict.conclusion == "refuted"
    assert verdict.decisive.at == {"density": 0.9}


def test_longer_training_with_less_compute_refutes_nothing(judge):
    # Four trainings of ten epochs against a free one of 11.
    grids = [
        {"method": "edge-popup", "density": [0.3, 0.5, 0.7], "epochs": 10},
        {"method": "free-pruning", "epochs": [11], "learning_rate": 3e-3},
    ]
    figures = final(lambda t: (0.95 if t.method == "edge-popup" else 0.9) + noise(t))
    (verdict,) = judge(figures, "C7-longer", grids, **NESTED)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == (
        "Free-pruning was trained for 11 epochs in all, but the tuning that it is compared with "
        "took 40."
    )


def test_a_budget_that_cannot_be_cut_for_some_seeds_is_none(judge):
    # Free pruning has four rates and dense two. Three seeds have all of the free rates.
    tuned = {"method": "free-pruning", "learning_rate": FREE_RATES, "seeds": "tuning"}
    grids = [
        tuned,
        {"method": "free-pruning", "learning_rate": 1e-3, "seeds": "fresh"},
        {"method": "free-pruning", "learning_rate": FREE_RATES, "seeds": [1, 2, 3]},
        {"method": "dense", "learning_rate": [1e-3, 3e-3]},
    ]

    def accuracy(trial):
        ahead = 0.001 * (trial.method == "free-pruning" and trial.learning_rate == 1e-3)
        return 0.9 + ahead + noise(trial, 1e-4)

    (verdict,) = judge(final(accuracy), "C1", grids, **NESTED)
    assert verdict.uncorrected == "undecided"
    assert "budgets of 4 and 2 configurations cannot be made equal" in verdict.reason


def test_times_of_two_kinds_of_place_are_not_compared(study, record):
    # Free pruning ran on another device than dense training did.
    def figures(trial):
        device = "cuda" if trial.method == "free-pruning" else "cpu"
        seconds = {"epochs": {"train_seconds": [0.0, 2.0, 2.0, 2.0]}}
        row = {"row": {"seconds": 7.2, "device": device}}
        return {"test_accuracy": 0.9 + noise(trial), "changed": 0.1, **seconds, **row}

    asked = study(margin=0.5, dataset="cifar10", method=["dense", "free-pruning"])
    (verdict,) = on(analysis.load(record(asked, figures)), "C5-time")
    assert verdict.uncorrected == "undecided"
    assert (
        verdict.reason
        == "The two sides ran on different devices, hosts, packs, threads or libraries."
    )


def rates_of(*rates, last=()):
    """A study that tunes the rates of dense training and of free pruning."""
    return {
        "margin": 0.5,
        "seeds": 15,
        "dataset": "cifar10",
        "method": "dense",
        "grids": [
            {
                "method": ["dense", "free-pruning"],
                "learning_rate": list(rates),
                "tuned": "learning_rate",
            },
            *last,
            LINEAR,
        ],
        "tuning_seeds": "seed + 100",
    }


@pytest.mark.parametrize(
    ("gains", "looked", "rates", "kept"),
    [
        (True, False, [1e-3, 3e-3, 1e-2, 3e-2], True),  # the next step beyond an end that gains
        (True, True, [1e-3, 3e-3, 1e-2, 3e-2], False),  # the same after a look
        (True, False, [3e-4, 1e-3, 3e-3, 1e-2, 3e-2], False),  # at an end that does not, too
        (True, False, [1e-3, 3e-3, 1e-2, 3e-2, 1e-1], False),  # two steps, one without need
        (False, False, [1e-3, 3e-3, 1e-2, 3e-2], False),  # no end gains
    ],
)
def test_a_grid_that_is_extended_by_rule_stays_committed(study, record, gains, looked, rates, kept):
    # Free pruning still gains at 1e-2 on the tuning seeds; 3e-2 and 1e-1 are no better. Softmax
    # regression runs on the fresh seeds before that is known, so these are no longer unseen.
    gap = {1e-3: -0.02, 3e-3: -0.01, 1e-2: 0.0 if gains else -0.02, 3e-2: -0.001, 1e-1: -0.03}

    def accuracy(trial):
        of_rate = gap.get(trial.learning_rate, -0.03) if trial.method == "free-pruning" else 0.0
        of_dense = -0.01 * (trial.method == "dense" and trial.learning_rate != 3e-3)
        return 0.9 + of_rate + of_dense + noise(trial, 3e-4)

    figures, chosen = final(accuracy), 1e-2 if gains else 3e-2
    record(study(**rates_of(1e-3, 3e-3, 1e-2)), figures)  # the tuning seeds, and the floor
    fresh = [
        {"method": "dense", "learning_rate": 3e-3, "seeds": "fresh"},
        {"method": "free-pruning", "learning_rate": chosen, "seeds": "fresh"},
    ]
    if looked:  # at both sides, before the grid is extended
        record(study(**rates_of(1e-3, 3e-3, 1e-2, last=fresh)), figures)
    record(study(**rates_of(*rates)), figures, lambda trial: trial.seed > 100)
    more = study(**rates_of(*rates, last=fresh))
    (verdict,) = on(analysis.load(record(more, figures)), "C1")
    assert verdict.n == 15
    late = ("trials with its seeds were finished before its definition was recorded",)
    assert verdict.exploratory == (() if kept else late)


def test_more_seeds_at_one_density_do_not_take_it_out(study, record):
    # The density that refutes gets 15 further seeds.
    given = {"margin": 0.5, "dataset": "cifar10", "method": "dense"}
    first = study(grids=[*densities(0.3, 0.5, 0.7, 0.9), LINEAR], seeds=15, **given)
    record(first, final(beaten))
    more = study(grids=[*densities(0.5), LINEAR], seeds="1-30", **given)
    (verdict,) = on(analysis.load(record(more, final(beaten), lambda trial: False)), "C6")
    assert (verdict.conclusion, verdict.exploratory) == ("refuted", ())
    # Once one of them has run, the density has 30 seeds, of which nobody had planned all.
    (verdict,) = on(analysis.load(record(more, final(beaten), lambda t: t.seed == 16)), "C6")
    assert verdict.uncorrected == "undecided"
    assert verdict.exploratory == (
        "only 15 of 30 seeds were planned by one definition before any trial with them was "
        "finished",
    )


def test_an_end_that_gains_is_mended_by_a_place_that_is_added(study, record):
    given = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense"}
    gaps = {0.2: -0.004, 0.3: -0.003, 0.5: -0.001, 0.7: -0.002}
    figures = final(lambda t: 0.9 + gaps.get(t.density, 0.0) + noise(t, 3e-4))
    uri = record(study(grids=[*densities(0.2, 0.3, 0.5), LINEAR], **given), figures)
    (verdict,) = on(analysis.load(uri), "C6")
    assert verdict.reason == "The rival still gains at density 0.5, the end of its grid."
    more = study(grids=[*densities(0.2, 0.3, 0.5, 0.7), LINEAR], **given)
    loaded = analysis.load(record(more, figures, lambda trial: trial.density == 0.7))
    (verdict,) = on(loaded, "C6")
    assert verdict.conclusion == "supported"
    assert "added later, not counted: density 0.7" in verdict.flags


def test_a_larger_search_that_never_ran_erases_nothing(study, record):
    # Dense training is three points ahead, each side at its best of two rates.
    def accuracy(trial):
        level = 0.93 if trial.method == "dense" else 0.90
        return level - 0.005 * (trial.learning_rate != 3e-3) + noise(trial, 3e-4)

    rates = [1e-3, 3e-3, 1e-2]
    fresh = [{"method": ["dense", "free-pruning"], "learning_rate": 3e-3, "seeds": "fresh"}]
    loaded = analysis.load(record(study(**rates_of(*rates, last=fresh)), final(accuracy)))
    before = on(loaded, "C1")[0]
    more = study(**rates_of(*rates, 3e-2))
    loaded = analysis.load(record(more, final(accuracy), lambda trial: False))
    after = on(loaded, "C1")[0]
    assert before.uncorrected == after.uncorrected == "refuted"


def test_failures_where_weights_are_symmetric_make_no_gain(judge):
    def accuracy(trial):
        if trial.method == "free-flipping" and trial.positive_fraction == 0.5:
            return {"test_accuracy": 0.1, "outcome": "dead"}
        return 0.8 + noise(trial)

    grids = [{"method": ["free-pruning", "free-flipping"], "positive_fraction": [0.1, 0.5]}]
    (verdict,) = judge(final(accuracy), "C9-asymmetric", grids)
    assert verdict.uncorrected == "undecided"
    assert "a trial behind the value failed in 15 of 15 trials" in verdict.reason.lower()


# Words and margins ---------------------------------------------------------------------------


def test_the_headline_counts_the_tasks_that_it_is_about(study, record):
    # Confirmatory on CIFAR-10; on digits, a demonstration, a density beats free pruning.
    grids = [*densities(0.3, 0.5, 0.7), LINEAR]
    asked = study(margin=0.5, seeds=15, dataset=["cifar10", "digits"], method="dense", grids=grids)

    def accuracy(trial):
        ahead = 0.03 if trial.dataset == "digits" and trial.density == 0.5 else 0.0
        return 0.9 + ahead + noise(trial)

    loaded = analysis.load(record(asked, final(accuracy)))
    (answer,) = (one for one in answers(verdicts(loaded)) if one.claim == "C6")
    assert answer.sentence == (
        "On lenet-300-100/cifar10, 15 seeds: none of 3 densities of edge-popup beat free pruning "
        "by more than 0.5 points; 1 exploratory cell speaks against the claim."
    )


def test_what_softmax_regression_refutes_is_said(study, record):
    # 5% changed and 92.8% of dense training, but below softmax regression.
    levels = {"dense": 0.97, "minimal-pruning": 0.90}

    def figures(trial):
        level = 0.92 if trial.network == "linear" else levels[trial.method]
        changed = 0.05 * (trial.method != "dense")
        return {"test_accuracy": level + noise(trial), "changed": changed}

    grids = [{"method": ["dense", "minimal-pruning"]}, LINEAR]
    asked = study(margin=0.5, seeds=15, dataset="mnist", method="dense", grids=grids)
    loaded = analysis.load(record(asked, figures))
    (answer,) = (one for one in answers(verdicts(loaded)) if one.claim == "C2")
    assert answer.conclusions == ("refuted",)
    assert "or did not beat softmax regression" in answer.sentence


def test_the_smallest_margin_knows_the_floor(judge):
    # Dense is 0.4 points below its best rate: with a margin below that it would be no fair rival.
    def accuracy(trial):
        best = trial.method != "dense" or trial.learning_rate == 3e-4
        return 0.97 - 0.004 * (not best) + noise(trial, 2e-4)

    grids = [
        {"method": "free-pruning", "learning_rate": 1e-3},
        {"method": "dense", "learning_rate": [1e-3, 3e-4]},
    ]
    (verdict,) = judge(final(accuracy), "C1-common", grids)
    assert verdict.uncorrected == "supported"
    assert verdict.comparisons[0].smallest_margin < 0.001
    assert verdict.smallest_margin == pytest.approx(0.004, abs=2e-4)


def test_the_smallest_margin_knows_the_failures_of_the_rival(judge):
    def accuracy(trial):
        if trial.method == "free-pruning" and trial.seed <= 2:
            return {"test_accuracy": 0.1, "outcome": "dead"}
        return (0.9 if trial.method == "free-flipping" else 0.901) + noise(trial, 2e-4)

    grids = [{"method": ["free-pruning", "free-flipping"]}]
    (verdict,) = judge(final(accuracy), "C9", grids, margin=5.0)
    replaced = verdict.smallest_margin
    assert replaced >= verdict.comparisons[0].smallest_margin
    assert not math.isnan(replaced)

    # As they ended, seven of 15 rivals are so poor that no margin would be needed.
    def poor(trial):
        if trial.method == "free-pruning" and trial.seed <= 7:
            return {"test_accuracy": 0.85, "outcome": "dead"}
        return (0.9 if trial.method == "free-flipping" else 0.901) + noise(trial, 1e-5)

    (verdict,) = judge(final(poor), "C9", grids, margin=5.0)
    assert verdict.comparisons[0].smallest_margin == 0
    assert verdict.smallest_margin > 0.0009  # with the best run in their place they are ahead


def test_a_study_without_a_margin_has_a_floor_all_the_same(study, record):
    # Dense training is a point below its best rate, and minimal pruning needs nine tenths of it.
    def accuracy(trial):
        poor = trial.method == "dense" and trial.learning_rate == 1e-3
        return (0.89 if poor else 0.9) + noise(trial)

    grids = [
        {"method": "dense", "learning_rate": [1e-3, 3e-4]},
        {"method": "minimal-pruning", "learning_rate": 1e-3},
        LINEAR,
    ]
    asked = study(seeds=15, dataset="cifar10", method="dense", grids=grids)
    (verdict,) = on(analysis.load(record(asked, final(accuracy, 0.05))), "C2")
    assert verdict.conclusion == "undecided"
    assert "points below its best recorded mean" in verdict.reason


def test_a_claim_sweeps_over_no_task():
    with pytest.raises(ValueError, match="each network and data set has a verdict of its own"):
        Claim(
            "own",
            "own",
            "Own.",
            where(method="free-pruning"),
            (Criterion("accuracy", above=0.5),),
            "digits",
            sweep=("dataset",),
        )


# Impossible values and other conditions ---------------------------------------------------------


def of_flipping(given, *, seeds=15):
    """Figures in which flipping has these in its first seeds, pruning 90%."""

    def figures(trial):
        applies = trial.method == "free-flipping" and trial.seed <= seeds
        return {"test_accuracy": 0.9 + noise(trial)} | (given if applies else {})

    return final(figures)


@pytest.mark.parametrize("seeds", [1, 15])
@pytest.mark.parametrize("value", [90.0, 1.2, -3.0, math.inf, -math.inf])
def test_what_is_no_fraction_decides_nothing(judge, value, seeds):
    figures = of_flipping({"test_accuracy": value}, seeds=seeds)
    (verdict,) = judge(figures, "C9", [{"method": ["free-pruning", "free-flipping"]}])
    assert verdict.conclusion == "undecided"
    assert verdict.reason == "An accuracy or a fraction of connections is not between 0 and 1."


def test_a_negative_changed_fraction_is_no_small_one(judge):
    def figures(trial):
        changed = -1.0 if trial.seed < 8 else 0.3
        level = 0.3 if trial.network == "linear" else 0.9
        return {"test_accuracy": level + noise(trial), "changed": changed + noise(trial)}

    (verdict,) = judge(figures, "C2", [{"method": ["dense", "minimal-pruning"]}])
    assert verdict.conclusion == "undecided"
    assert verdict.reason == "An accuracy or a fraction of connections is not between 0 and 1."


@pytest.mark.parametrize("seeds", [7, 15])
def test_a_part_of_the_test_images_is_not_all_of_them(judge, seeds):
    figures = of_flipping({"row": {"test_images": 100}}, seeds=seeds)
    (verdict,) = judge(figures, "C9", [{"method": ["free-pruning", "free-flipping"]}])
    assert verdict.conclusion == "undecided"
    assert verdict.reason == "Not all trials were evaluated on the same test images."


def test_pairs_of_two_precisions_are_flagged(study, record):
    def figures(trial):
        row = {"tf32": trial.method == "free-flipping", "device": "cuda"}
        return {"test_accuracy": 0.9 + noise(trial), "row": row}

    asked = study(margin=0.5, seeds=15, method=["free-pruning", "free-flipping"])
    (verdict,) = on(analysis.load(record(asked, final(figures))), "C9")
    assert "15 of 15 pairs are of two precisions (TF32 or not)" in verdict.flags
