"""A third search for ways in which a broken, poor or unfair side could decide."""

import math

import pytest
from withstand_support import LINEAR, NESTED, densities, final, judge_with, named, noise, on

import analysis
from analysis.report.answers import answers
from analysis.verdicts import overall, verdicts
from analysis.verdicts.claim import MARGIN, Claim, Criterion, both, where
from analysis.verdicts.claims.arms import as_is
from studies.store import Store
from studies.store.definitions import Recorded
from studies.store.forgetting import forget
from studies.trial import Trial

#: Connections of the layers, as the fixtures record them.
LAYERS = (19_200, 30_000, 1_000)
GIVEN = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense"}
FLIPPING = [{"method": ["free-pruning", "free-flipping"]}]
DEAD = {"test_accuracy": 0.1, "outcome": "dead"}


@pytest.fixture
def judge(study, record_in, tmp_path):
    """The verdicts on a claim for a study made by hand."""
    return judge_with(study, record_in, tmp_path)


def left(share):
    """Columns of layers of which this fraction is connected and live."""
    counts = tuple(round(share * n) for n in LAYERS)
    return {"layers": {"connected": counts, "live": counts, "live_changed": (0, 0, 0)}}


# Broken sides of values that are no accuracies --------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "grid", "broken"),
    [
        ("C10-left", {"width": [1.0, 2.0]}, lambda t: t.width > 1),
        ("C10-longer", {"epochs": [2, 4]}, lambda t: t.epochs > 2),
        ("C10-offset", {"score_offset": [0.0, 0.1, 0.3, 0.5]}, lambda t: t.score_offset > 0.2),
    ],
)
def test_a_dead_network_has_no_small_effective_size(judge, claim, grid, broken):
    def accuracy(trial):
        dead = trial.network != "linear" and broken(trial)
        share = (0.01 if dead else 0.3 - 0.1 * trial.score_offset) + abs(noise(trial, 0.01))
        return (DEAD if dead else {"test_accuracy": 0.9 + noise(trial)}) | left(share)

    (verdict,) = judge(final(accuracy), claim, [{"method": "free-pruning", **grid}])
    assert verdict.comparisons[-1].interval.high < -0.1
    assert verdict.conclusion == "undecided"
    assert verdict.reason == "Free-pruning failed in 15 of 15 trials."


def test_a_poor_baseline_is_no_level_for_times(judge):
    # Dense ends at 25%, below softmax regression, and takes three epochs for 95% of that.
    def accuracy(trial):
        seconds = {"train_seconds": [0.0, *[2.0 + abs(noise(trial, 0.1))] * 3]}
        level = 0.25 if trial.method == "dense" else 0.9
        return {"test_accuracy": level + noise(trial), "epochs": seconds, "row": {"seconds": 7.2}}

    (verdict,) = judge(final(accuracy), "C5-time", [{"method": ["dense", "free-pruning"]}])
    assert math.exp(verdict.comparisons[0].interval.high) < 0.5
    assert verdict.uncorrected == "undecided"
    assert verdict.reason.endswith("not more than softmax regression (30.00%).")


def test_a_free_method_that_learns_nothing_cannot_be_left_alone(judge):
    # Free pruning is below softmax regression, tuned or not, and so it has no regret.
    grids = densities(0.3, 0.5, 0.7, learning_rate=1e-3)
    grids.append({"method": "free-pruning", "score_offset": 0.1})
    levels = {0.0: 0.25, 0.3: 0.92, 0.5: 0.9, 0.7: 0.89}
    (verdict,) = judge(final(lambda t: levels[t.density] + noise(t)), "C12", grids, **NESTED)
    assert verdict.comparisons[0].interval.high < 0
    assert verdict.conclusion == "undecided"
    assert verdict.reason.startswith("Free-pruning reaches 25.0")


def test_poor_flipping_of_symmetric_weights_is_no_gain_with_others(judge):
    def accuracy(trial):
        poor = trial.method == "free-flipping" and trial.positive_fraction == 0.5
        return (0.25 if poor else 0.8) + noise(trial)

    grids = [{"method": ["free-pruning", "free-flipping"], "positive_fraction": [0.1, 0.5]}]
    (verdict,) = judge(final(accuracy), "C9-asymmetric", grids)
    assert verdict.comparisons[0].interval.low > 0.5
    assert verdict.uncorrected == "undecided"
    assert "not more than softmax regression" in verdict.reason


# The floor and values beside it -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "linear", "reason"),
    [
        ("mnist", 0.12, "not more than softmax regression (91.81%)."),
        ("cifar10", 0.1, "Softmax regression on cifar10 is at chance."),
    ],
)
def test_a_broken_softmax_regression_is_no_floor(judge, dataset, linear, reason):
    def figures(trial):
        level = {"dense": linear, "free-pruning": 0.85, "free-flipping": 0.9}[trial.method]
        return {"test_accuracy": level + noise(trial), "changed": 0.1}

    (verdict,) = judge(figures, "C9", FLIPPING, dataset=dataset)
    assert verdict.comparisons[0].interval.low > 0
    assert verdict.conclusion == "undecided"
    assert verdict.reason.endswith(reason)


def test_nobody_beats_softmax_regression_by_breaking_it(judge):
    levels = {"dense": 0.97, "minimal-pruning": 0.9}

    def figures(trial):
        level = 0.5 if trial.network == "linear" else levels[trial.method]
        return {"test_accuracy": level + noise(trial), "changed": 0.05 + noise(trial)}

    (verdict,) = judge(figures, "C2", [{"method": list(levels)}], dataset="mnist")
    assert max(one.p for one in verdict.deciding) < 0.05
    assert verdict.conclusion == "undecided"
    assert (
        "below the mean of softmax regression that was measured for this project" in verdict.reason
    )


def test_a_wider_network_is_compared_with_a_fair_narrow_one(judge):
    # At 3e-3 the narrow network is a point better than at 1e-3, and better than the wide one.
    def accuracy(trial):
        poor = trial.width == 1 and trial.learning_rate == 1e-3
        return 0.9 + 0.005 * (trial.width > 1) - 0.01 * poor + noise(trial)

    grids = [
        {"method": "free-pruning", "width": [1.0, 2.0], "learning_rate": 1e-3},
        {"method": "free-pruning", "width": 1.0, "learning_rate": 3e-3},
    ]
    found = judge(final(accuracy), "C10", grids)
    (verdict,) = found
    assert verdict.comparisons[0].interval.low > 0
    assert verdict.conclusion == "undecided"
    assert "points below its best recorded mean" in verdict.reason


def test_broken_values_of_a_field_make_no_default_look_good(judge):
    # Of three other starts two are below softmax regression.
    levels = {0.0: 0.9, 0.1: 0.89, 0.8: 0.25, 0.9: 0.24}
    grids = [{"method": "free-pruning", "score_offset": list(levels)}]
    figures = final(lambda t: levels.get(t.score_offset, 0.9) + noise(t))
    (verdict,) = judge(figures, "C8-offset", grids)
    assert verdict.conclusion == "undecided"
    assert verdict.reason.startswith("1 of 3 values of score offset reach the floor, 2 are needed")


# Unfair comparisons -----------------------------------------------------------------------------


def test_no_density_is_poor_at_a_size_that_none_of_them_has(judge):
    # The better of the densities beside the size of free pruning is a point ahead of it. A line
    # between 60% at one tenth of the size and 91% at nine tenths says 82% there.
    sizes = {0.05: (0.05, 0.6), 0.9: (0.9, 0.91), 0.0: (0.4, 0.9)}

    def figures(trial):
        share, level = sizes.get(trial.density, (0.4, 0.3))
        level = 0.3 if trial.network == "linear" else level
        return {"test_accuracy": level + noise(trial), "changed": 0.5} | left(share)

    (verdict,) = judge(figures, "C10-matched", densities(0.05, 0.9))
    assert verdict.uncorrected != "supported"
    # Nor is it refuted by a line between the two.
    sizes[0.0] = (0.4, 0.7)
    (verdict,) = judge(figures, "C10-matched", densities(0.05, 0.9))
    assert verdict.uncorrected == "undecided"


def test_longer_training_pays_for_its_own_tuning(study, record):
    # Three densities and the chosen one are four trainings of two epochs. Free pruning chose its
    # rate among three, and each of its trainings is as long as all of these.
    grids = [
        {"method": "edge-popup", "density": [0.3, 0.5, 0.7]},
        {"method": "free-pruning", "epochs": [8], "learning_rate": [1e-3, 3e-3, 1e-2]},
    ]
    asked = study(margin=0.5, dataset="cifar10", method="dense", epochs=2, grids=grids, **ONE)
    figures = final(lambda t: 0.9 + 0.02 * (t.learning_rate == 3e-3) + noise(t))
    assert on(analysis.load(record(asked, figures)), "C7-longer") == ()


#: One tuning seed for each of three.
ONE = {"tuning_seeds": [101, 102, 103]}


def test_a_search_that_several_studies_share_counts_as_one_search(study, record):
    # Free pruning has three rates in each of three studies, dense training in one of them.
    searches = ([1e-4, 1e-3, 1e-2], [2e-4, 2e-3, 2e-2], [3e-4, 3e-3, 3e-2])
    best = (1e-3, 2e-3, 3e-3)

    def accuracy(trial):
        middle = trial.learning_rate in best
        return 0.9 - 0.05 * (not middle) + noise(trial)

    uris = []
    for number, rates in enumerate(searches):
        methods = ["dense", "free-pruning"] if number == 0 else ["free-pruning"]
        grids = [{"method": methods, "learning_rate": rates}, LINEAR]
        asked = study(grids=grids, **{**GIVEN, "seeds": 3}, **ONE)
        uris.append(record(named(asked, f"s{number}"), final(accuracy)))
    (alone,) = on(analysis.load(uris[0]), "C1")
    assert alone.uncorrected == "supported"
    (verdict,) = on(analysis.load(uris), "C1")
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "The budgets of 9 and 3 configurations cannot be made equal."


def test_unequal_searches_of_recipes_are_unequal_at_a_size(judge):
    # Free pruning chose among six rates, each density among two.
    sizes = {0.1: 0.1, 0.4: 0.4, 0.0: 0.2}
    rates = [3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
    grids = densities(0.1, 0.4, learning_rate=rates[1:3])
    grids[0]["learning_rate"] = rates

    def figures(trial):
        share = sizes[trial.density]
        level = 0.3 if trial.network == "linear" else 0.9 - 0.01 * (trial.learning_rate != 3e-3)
        return {"test_accuracy": level + noise(trial), "changed": 0.5} | left(share)

    (verdict,) = judge(figures, "C10-matched", grids, **NESTED)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "The budgets of 2 and 6 configurations cannot be made equal."


def test_densities_that_learn_nothing_are_no_budget(judge):
    # Three densities with two rates each, and two that are below softmax regression with ten.
    free = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    grids = [
        {"method": "free-pruning", "learning_rate": free, "seeds": "tuning"},
        {"method": "free-pruning", "learning_rate": 1e-3, "seeds": "fresh"},
        {
            "method": "edge-popup",
            "density": [0.001, 0.002, 0.3, 0.5, 0.7],
            "learning_rate": [1e-3, 3e-3],
        },
    ]

    def accuracy(trial):
        level = 0.25 if 0 < trial.density < 0.01 else 0.9 - 0.01 * (trial.learning_rate != 1e-3)
        return level + noise(trial)

    (verdict,) = judge(final(accuracy), "C6", grids, **NESTED)
    assert verdict.uncorrected == "undecided"
    assert "configurations cannot be made equal" in verdict.reason


def test_times_at_one_place_are_compared_though_a_pair_ran_elsewhere(study, record):
    def figures(trial):
        elsewhere = trial.method == "free-pruning" and trial.seed == 3
        seconds = {"train_seconds": [0.0, *[2.0 + abs(noise(trial, 0.1))] * 3]}
        row = {"seconds": 7.2, "device": "cuda" if elsewhere else "cpu"}
        return {"test_accuracy": 0.9 + noise(trial), "changed": 0.1, "epochs": seconds, "row": row}

    asked = study(**GIVEN | {"method": ["dense", "free-pruning"]})
    (verdict,) = on(analysis.load(record(asked, figures)), "C5-time")
    assert (verdict.n, verdict.planned, verdict.uncorrected) == (14, 14, "supported")
    assert (
        "the two sides ran on different devices, hosts, packs, threads or libraries: 1 pair not "
        "counted"
    ) in verdict.flags


def test_an_end_of_the_batch_sizes_is_an_end_as_well(judge):
    sizes = {25: 0.0, 50: 0.01, 100: 0.02}

    def accuracy(trial):
        gain = sizes[trial.batch_size] if trial.method == "dense" else 0.025
        return 0.9 + gain + noise(trial, 3e-4)

    grids = [{"method": ["dense", "free-pruning"], "batch_size": list(sizes)}]
    (verdict,) = judge(final(accuracy), "C1", grids, **NESTED)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "Dense still gains at batch size 100, the end of its grid."


#: The traits of a method of one's own whose parameter sets the fraction kept.
OWN = {"sets_kept_share": True, "needs_density": False, "trains_weights": False}
HARD = ("hard-concrete(l0=1e-07)", "hard-concrete", "hard-concrete(l0=1e-05)")


def rising(*names):
    """Final figures that rise from each of some methods to the next; free pruning has the last."""

    def accuracy(trial):
        step = names.index(trial.method) if trial.method in names else len(names) - 1
        return 0.9 + 0.002 * step + noise(trial, 3e-4)

    return final(accuracy)


@pytest.mark.parametrize(
    ("names", "edge"),
    [
        (HARD, "still gains at l0 1e-05, the end of its grid"),
        (HARD[::-1], "still gains at l0 1e-07, the end of its grid"),
        # The default, 1e-6, is the end of this grid.
        (
            (HARD[0], "hard-concrete(l0=3e-07)", HARD[1]),
            "still gains at l0 1e-06, the end of its grid",
        ),
        (
            (HARD[2], "hard-concrete(l0=3e-06)", HARD[1]),
            "still gains at l0 1e-06, the end of its grid",
        ),
        # Of a method of one's own the default is not known.
        (
            ("own(t=1)", "own(t=3)", "own"),
            "is best at its default of t, which is not known and may be the end of its grid: put "
            "the default's number into the grid",
        ),
    ],
)
def test_a_default_is_an_end_of_a_grid_like_any_other_value(judge, names, edge):
    grids = [{"method": "free-pruning"}, {"method": list(names)}]
    figures = rising(*names)
    (verdict,) = judge(
        lambda t: figures(t) | {"row": OWN if "own" in t.method else {}}, "C6-rivals", grids
    )
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == f"The rival {edge}."


def test_an_unknown_default_whose_number_is_in_the_grid_is_no_end_of_it(judge):
    levels = {"own(t=1)": 0.9, "own(t=2)": 0.904, "own": 0.904, "own(t=3)": 0.902}

    def figures(trial):
        row = OWN if "own" in trial.method else {}
        return {"test_accuracy": levels.get(trial.method, 0.904) + noise(trial, 3e-4), "row": row}

    grids = [{"method": "free-pruning"}, {"method": list(levels)}]
    (verdict,) = judge(final(figures), "C6-rivals", grids)
    assert (verdict.uncorrected, verdict.reason) == ("supported", "")


def test_the_best_default_between_other_values_is_no_end(judge):
    grids = [{"method": "free-pruning"}, {"method": list(HARD)}]
    (verdict,) = judge(rising(HARD[0], HARD[2], HARD[1]), "C6-rivals", grids)
    assert verdict.uncorrected == "supported"


@pytest.mark.parametrize("claim", ["C9-asymmetric", "C10-left"])
def test_values_of_different_data_are_not_compared(judge, claim):
    grids = {
        "C9-asymmetric": {"positive_fraction": [0.1, 0.5]},
        "C10-left": {"width": [1.0, 2.0]},
    }

    def accuracy(trial):
        other = trial.positive_fraction == 0.5 if "C9" in claim else trial.width > 1
        ahead = trial.method == "free-flipping" and trial.positive_fraction != 0.5
        level = 0.8 + 0.05 * ahead + noise(trial)
        row = {"row": {"dataset_fingerprint": "another"}} if other else {}
        return {"test_accuracy": level} | left(0.3 - 0.1 * (trial.width > 1) + noise(trial)) | row

    found = judge(final(accuracy), claim, [{**FLIPPING[0], **grids[claim]}])
    assert {verdict.uncorrected for verdict in found} == {"undecided"}
    assert {v.reason for v in found} == {"Not all trials were evaluated on the same test images."}


def test_seeds_of_different_images_have_no_common_interval(judge):
    def accuracy(trial):
        row = {"row": {"dataset_fingerprint": "another"}} if trial.seed > 7 else {}
        return {"test_accuracy": 0.9 + noise(trial)} | row

    (verdict,) = judge(final(accuracy), "C9", FLIPPING)
    assert verdict.conclusion == "undecided"
    assert verdict.reason == "Not all trials were evaluated on the same test images."


# What was known, and what counts as planned -----------------------------------------------------


def test_a_claim_of_ones_own_is_confirmatory_only_where_a_definition_names_it(study, record):
    # Anybody can write a claim after a look at the results.
    own = Claim(
        "Own",
        "own",
        "Free flipping does as well as free pruning.",
        both(where(method="free-flipping"), as_is),
        (Criterion("accuracy", above=MARGIN, against={"method": "free-pruning"}),),
        "small",
    )
    grids, figures = [*FLIPPING, LINEAR], final(lambda t: 0.9 + noise(t))
    for claims, why in (([], ("no definition names this claim",)), (["Own"], ())):
        asked = named(study(grids=grids, claims=claims, **GIVEN), f"s{len(claims)}")
        seeds = {"seeds": "1-15"} if not claims else {"seeds": "21-35"}
        asked = asked.model_copy(update=seeds)
        (verdict,) = verdicts(analysis.load(record(asked, figures)), (own,))
        assert verdict.exploratory == why


def test_a_trial_that_was_forgotten_and_ran_again_was_known(study, record, record_trials, tmp_path):
    asked = study(grids=[*FLIPPING, LINEAR], **GIVEN)
    figures = final(lambda t: 0.9 + noise(t))
    uri = record(asked, figures)
    (again,) = (t for t in asked.trials() if t.method == "free-flipping" and t.seed == 7)
    store = Store(str(tmp_path / "results"), "small")
    rows = analysis.load(uri).trials
    forget(store, set(rows.loc[rows["trial_id"] == again.trial_id, "attempt"]))
    better = final(lambda t: {"test_accuracy": 0.95, "row": {"engine": "other"}})
    (verdict,) = on(analysis.load(record_trials("small", [again], better)), "C9")
    assert verdict.n == 15
    assert verdict.exploratory == (
        "only 14 of 15 seeds were planned by one definition before any trial with them was "
        "finished",
    )


def test_a_density_that_is_added_on_chosen_seeds_refutes_nothing(study, record):
    # Free pruning is two points worse with five of the seeds, which everybody knows by now.
    def accuracy(trial):
        unlucky = trial.method == "free-pruning" and trial.seed <= 5
        return 0.9 - 0.02 * unlucky - 0.008 * (trial.density > 0) + noise(trial)

    first = study(grids=[*densities(0.3, 0.5, 0.7), LINEAR], **GIVEN)
    (verdict,) = on(analysis.load(record(first, final(accuracy))), "C6")
    assert verdict.conclusion == "supported"
    chosen = {"method": "edge-popup", "density": 0.6, "seeds": [1, 2, 3, 4, 5]}
    more = study(grids=[*densities(0.3, 0.5, 0.7), chosen, LINEAR], **GIVEN)
    only = lambda trial: trial.density == 0.6  # noqa: E731
    (verdict,) = on(analysis.load(record(more, final(accuracy), only)), "C6")
    assert verdict.conclusion == "supported"
    assert "added later, not counted: density 0.6" in verdict.flags


def test_a_cell_that_is_added_on_chosen_seeds_refutes_nothing(study, record):
    def accuracy(trial):
        unlucky = trial.method == "free-pruning" and trial.seed <= 5
        return 0.9 - 0.02 * unlucky - 0.008 * (trial.density > 0) + noise(trial)

    first = study(grids=[*densities(0.3, 0.5, 0.7), LINEAR], **GIVEN)
    record(first, final(accuracy))
    chosen = {
        "method": "edge-popup",
        "score_offset": 0.1,
        "density": [0.3, 0.5, 0.7],
        "seeds": [1, 2, 3, 4, 5],
    }
    more = study(grids=[*densities(0.3, 0.5, 0.7), chosen, LINEAR], **GIVEN)
    only = lambda trial: trial.score_offset > 0  # noqa: E731
    (combined,) = overall(on(analysis.load(record(more, final(accuracy), only)), "C6"))
    assert len(combined.cells) == 2
    assert combined.conclusion == "supported"


def test_seeds_that_no_definition_plans_stand_for_none_that_one_does(study, record, record_trials):
    asked = study(grids=[*FLIPPING, LINEAR], **GIVEN)
    figures = final(lambda t: 0.9 + noise(t))
    uri = record(asked, figures, lambda trial: trial.seed <= 10)
    others = [
        Trial.from_mapping(trial.values() | {"seed": trial.seed + 50})
        for trial in asked.trials()
        if trial.seed <= 5
    ]
    record_trials("small", others, figures)
    (verdict,) = on(analysis.load(uri), "C9")
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "n = 10, 15 planned"


def test_seeds_that_no_definition_plans_confirm_nothing(study, record, record_trials):
    asked = study(grids=[*FLIPPING, LINEAR], **GIVEN)
    figures = final(lambda t: 0.9 + noise(t))
    uri = record(asked, figures)
    others = [
        Trial.from_mapping(trial.values() | {"seed": trial.seed + 50}) for trial in asked.trials()
    ]
    record_trials("small", others, figures)
    (verdict,) = on(analysis.load(uri), "C9")
    assert (verdict.n, verdict.planned, verdict.exploratory) == (15, 15, ())


@pytest.mark.parametrize("ran", [0, 1])
def test_further_seeds_that_never_ran_leave_a_verdict_as_it_is(study, record, ran):
    grids, figures = [*FLIPPING, LINEAR], final(lambda t: 0.9 + noise(t))
    record(study(grids=grids, **GIVEN), figures)
    more = study(grids=grids, **(GIVEN | {"seeds": 30}))
    loaded = analysis.load(record(more, figures, lambda trial: 15 < trial.seed <= 15 + ran))
    (verdict,) = on(loaded, "C9")
    if ran:
        assert (verdict.uncorrected, verdict.reason) == ("undecided", "n = 16, 30 planned")
    else:
        assert (verdict.conclusion, verdict.n, verdict.planned) == ("supported", 15, 15)


def test_two_numbers_of_seeds_that_were_registered_at_once_are_no_choice(study, record):
    # Whoever plans 15 and 30 seeds may not stop at 15 because it looks good there.
    grids, figures = [*FLIPPING, LINEAR], final(lambda t: 0.9 + noise(t))
    nothing = lambda trial: False  # noqa: E731
    record(study(grids=grids, **GIVEN), figures, nothing)
    more = study(grids=grids, **(GIVEN | {"seeds": 30}))
    (verdict,) = on(analysis.load(record(more, figures, lambda trial: trial.seed <= 15)), "C9")
    assert (verdict.uncorrected, verdict.reason) == ("undecided", "n = 15, 30 planned")


def test_the_order_of_two_studies_with_other_results_of_a_trial_decides_nothing(study, record):
    # The second study ran the same trials again, on other engines, and pruning came out worse.
    asked = study(grids=[*FLIPPING, LINEAR], **GIVEN)

    def accuracy(later):
        def figures(trial):
            worse = 0.05 * (later and trial.method == "free-flipping")
            return {"test_accuracy": 0.9 - worse + noise(trial), "row": {"engine": f"e{later}"}}

        return final(figures)

    uris = [record(named(asked, f"s{later}"), accuracy(later)) for later in (0, 1)]
    found = [on(analysis.load(order), "C9")[0] for order in (uris, uris[::-1])]
    assert found[0].comparisons[0].interval == found[1].comparisons[0].interval
    assert {verdict.uncorrected for verdict in found} == {"supported"}


def test_what_a_later_revision_mended_is_left_out_in_all_studies(study, record, record_trials):
    # Dense training was broken and was mended; an older study has only the broken trials.
    asked = study(grids=[{"method": ["dense", "free-pruning"]}, LINEAR], **GIVEN)
    mended = [
        Trial.from_mapping(t.values() | {"revisions": "methods/dense=2"})
        if t.method == "dense"
        else t
        for t in asked.trials()
    ]
    old = final(lambda t: (0.88 if t.method == "dense" else 0.9) + noise(t))
    new = final(lambda t: (0.92 if t.method == "dense" else 0.9) + noise(t))
    uris = [record(named(asked, "old"), old), record(named(asked, "new"), new, lambda t: False)]
    record_trials("new", mended, new)
    found = [on(analysis.load(order), "C1-common")[0] for order in (uris, uris[::-1])]
    assert {verdict.uncorrected for verdict in found} == {"refuted"}


def test_many_small_definitions_are_not_one(study, tmp_path):
    # One seed more in each; those beyond the 52nd have the same bit.
    store = Store(str(tmp_path), "small")
    for n in range(1, 58):
        asked = study(method="dense", seeds=[n])
        store.definitions.put(Recorded(asked, {}, f"2026-01-01T00:00:{n:02}+00:00"))
    plan = analysis.load(store.uri).plan.set_index("seed")
    assert (plan["committed"] != 0).to_dict() == {n: n <= 52 for n in range(1, 58)}


# Sentences and margins --------------------------------------------------------------------------


def test_the_sentence_counts_the_cells_that_are_refuted_after_correction(judge):
    # Of three cells one is refuted clearly; another at p = 0.03, which is 0.06 after Holm.
    gaps = {"he-normal": 0.02, "he-constant": 0.0, "glorot-normal": 0.005 + 0.00057}
    spread = {seed: (seed - 8) / 4 for seed in range(1, 16)}

    def accuracy(trial):
        away = 0.001 * spread[trial.seed] - gaps[trial.weights]
        return 0.9 + away * (trial.method == "free-flipping")

    found = judge(final(accuracy), "C9", FLIPPING, weights=list(gaps))
    assert [v.conclusion for v in found].count("refuted") == 2
    (answer,) = answers(found)
    assert answer.sentence.endswith(
        "fell short of free pruning by more than 0.5 points in 1 of 3 cells."
    )


def test_no_margin_would_support_what_is_not_finished(judge):
    lacks = lambda trial: trial.seed < 15 or trial.network == "linear"  # noqa: E731
    (verdict,) = judge(final(lambda t: 0.9 + noise(t)), "C9", FLIPPING, only=lacks)
    assert verdict.reason == "n = 14, 15 planned"
    assert math.isnan(verdict.smallest_margin)


def test_no_margin_helps_where_another_criterion_fails(judge, study, record):
    own = Claim(
        "Own",
        "own",
        "Free flipping does as well as free pruning, and changes less than 10%.",
        both(where(method="free-flipping"), as_is),
        (
            Criterion("accuracy", above=MARGIN, against={"method": "free-pruning"}),
            Criterion("changed", "changed", below=0.1, unit="percent"),
        ),
        "small",
    )
    figures = final(lambda t: {"test_accuracy": 0.9 + noise(t), "changed": 0.3 + noise(t)})
    loaded = analysis.load(record(study(grids=[*FLIPPING, LINEAR], **GIVEN), figures))
    (verdict,) = verdicts(loaded, (own,))
    assert verdict.uncorrected == "refuted"
    assert math.isnan(verdict.smallest_margin)


def test_a_criterion_has_one_bound():
    with pytest.raises(ValueError, match="above or below"):
        Criterion("accuracy")
    assert Criterion("accuracy", above=0).above == 0
