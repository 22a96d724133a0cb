"""Rows of trials that contradict themselves or each other: none of them may decide."""

import math

import pandas as pd
import pytest
from withstand_support import LINEAR, densities, final, judge_with, named, noise, on

import analysis
from analysis.verdicts import verdicts
from studies.store import Store
from studies.store.finished import finished


@pytest.fixture
def judge(study, record_in, tmp_path):
    """The verdicts on a claim for a study made by hand."""
    return judge_with(study, record_in, tmp_path)


FREE = [{"method": ["free-pruning", "free-flipping"]}]
BOTH = [{"method": ["dense", "free-pruning"]}]


# Trials that did not end as planned --------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "last"), [("completed", 1), ("dead", 2), ("stopped", 3), ("", 3)]
)
def test_a_trial_that_did_not_end_as_planned_is_not_finished(judge, outcome, last):
    # Dense training of a seed was stopped early, which helps free pruning.
    def figures(trial):
        stopped = trial.method == "dense" and trial.network != "linear" and trial.seed == 7
        ended = {"outcome": outcome, "last_epoch": last} if stopped else {}
        return {"test_accuracy": (0.6 if stopped else 0.9) + noise(trial), "row": ended}

    (verdict,) = judge(final(figures), "C1-common", BOTH)
    assert (verdict.n, verdict.planned) == (14, 15)
    assert verdict.conclusion == "open"
    assert verdict.reason == "n = 14, 15 planned"
    (left_out,) = (flag for flag in verdict.flags if flag.startswith("left out"))
    assert left_out.endswith(f", {outcome} after epoch {last} of 3")
    assert "without a finished partner: seed 7" in verdict.flags


def test_trials_that_ended_as_planned_are_finished(judge):
    # A method with several rounds trains for more epochs; a trial that diverges stops at once.
    def figures(trial):
        if trial.method == "dense":
            return {"test_accuracy": 0.9 + noise(trial), "row": {"last_epoch": 15}}
        diverged = {"outcome": "diverged", "last_epoch": 1}
        return {"test_accuracy": 0.1 if trial.seed == 1 else 0.9, "row": diverged}

    (verdict,) = judge(final(figures), "C1-common", BOTH)
    assert verdict.n == 15
    assert verdict.failures["diverged"] == 15
    assert not [flag for flag in verdict.flags if flag.startswith("left out")]


@pytest.mark.parametrize("folders", [("one", "two"), ("one", "one")])
def test_a_later_attempt_counts_in_the_place_of_one_that_was_cut_short(
    folders, study, record_in, tmp_path
):
    asked = study(margin=0.5)
    cut = {"outcome": "completed", "last_epoch": 1}

    def short(trial):
        return {"test_accuracy": 0.5, "changed": 0.1, "row": cut}

    first, second = (tmp_path / name for name in folders)
    places = [record_in(first, asked, short)]
    before = finished(Store(str(first), asked.name))
    assert len(before.ids) == 0  # so a run trains all of them again
    assert len(before.left_out()) == len(before.cut_short) == 6
    places.append(record_in(second, asked))
    results = analysis.load(list(dict.fromkeys(places)))
    assert results.finished == results.planned == 6
    assert results.trials["test_accuracy"].min() > 0.9
    assert len(results.cut_short) == 0
    assert (results.left_out, results.conflicts) == ((), ())
    flags = [flag for verdict in verdicts(results) for flag in verdict.flags]
    assert not [flag for flag in flags if flag.startswith("left out")]


def test_a_trial_that_was_cut_short_in_two_places_is_one_trial(study, record_in, tmp_path):
    def short(trial):
        ended = {"outcome": "completed", "last_epoch": 1}
        return {"test_accuracy": 0.5, "changed": 0.1, "row": ended}

    asked = study(margin=0.5)
    results = analysis.load([record_in(tmp_path / name, asked, short) for name in ("one", "two")])
    assert len(results.cut_short) == len(results.left_out) == 6


# Values that contradict each other ---------------------------------------------------------------

IMPOSSIBLE = "An accuracy or a fraction of connections is not between 0 and 1."
OTHER_IMAGES = "Not all trials were evaluated on the same test images."
ANSWERS = "The recorded answers to each test image contradict the recorded accuracy."
OTHER_CLASSES = "The recorded number of classes is not that of the data set."
SHAPED = [{"method": ["free-pruning", "free-flipping"], "positive_fraction": [0.1, 0.5]}]


def gains(**of_pruning):
    """Final figures where flipping asymmetric weights gains a point, and what pruning records."""

    def accuracy(trial):
        gain = 0.01 * (trial.method == "free-flipping" and trial.positive_fraction == 0.1)
        own = (
            of_pruning if trial.method == "free-pruning" and trial.positive_fraction == 0.1 else {}
        )
        return {"test_accuracy": 0.8 + gain + noise(trial)} | own

    return final(accuracy)


@pytest.mark.parametrize(
    ("of_pruning", "reason"),
    [
        ({"test_accuracy": -0.5}, IMPOSSIBLE),
        ({"test_accuracy": 1.7}, IMPOSSIBLE),
        ({"row": {"test_images": 500}}, OTHER_IMAGES),
        ({"row": {"dataset_fingerprint": "ba9876543210"}}, OTHER_IMAGES),
        ({"row": {"test_correct": b"\xff" * 125}}, ANSWERS),
        ({"row": {"classes": 5}}, OTHER_CLASSES),
    ],
)
def test_pruning_behind_a_gain_is_looked_at_as_well(judge, of_pruning, reason):
    (verdict,) = judge(gains(**of_pruning), "C9-asymmetric", SHAPED)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == reason


def test_a_gain_of_sound_trials_is_supported(judge):
    (verdict,) = judge(gains(), "C9-asymmetric", SHAPED)
    assert verdict.uncorrected == "supported"


@pytest.mark.parametrize(
    ("of_dense", "reason"),
    [
        # Half of the images are answered, as if dense training had 45%.
        ({"test_correct": b"\xff" * 56 + b"\x00" * 69}, ANSWERS),
        ({"classes": 5}, OTHER_CLASSES),
    ],
)
def test_a_partner_that_contradicts_itself_decides_nothing(judge, of_dense, reason):
    def accuracy(trial):
        row = of_dense if trial.method == "dense" and trial.network != "linear" else {}
        return {"test_accuracy": 0.9 + noise(trial), "row": row}

    (verdict,) = judge(final(accuracy), "C1-common", BOTH)
    assert verdict.conclusion == "open"
    assert verdict.reason == reason


@pytest.mark.parametrize(("claim", "grids"), [("C1-common", BOTH), ("C9-asymmetric", SHAPED)])
def test_trials_with_other_classes_are_not_compared(judge, claim, grids):
    # How many classes this data set has is known from the rows alone.
    def accuracy(trial):
        few = trial.method == ("dense" if claim == "C1-common" else "free-pruning")
        return {"test_accuracy": 0.9 + noise(trial), "row": {"classes": 5 if few else 10}}

    (verdict,) = judge(final(accuracy), claim, grids, dataset="cifar10-jpeg")
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "Not all trials have the same number of classes."


def test_answers_under_random_masks_are_those_of_one_mask(judge):
    # Their accuracy is a mean over several masks, so it need not be that of the answers.
    row = {"test_correct": b"\xff" * 125}
    figures = final(
        lambda t: (
            {"test_accuracy": 0.9 + noise(t)} | ({"row": row} if t.method == "supermask" else {})
        )
    )
    (verdict,) = judge(figures, "C11", [{"method": ["free-pruning", "supermask"]}])
    assert verdict.uncorrected == "supported"


def test_an_older_row_without_classes_is_no_contradiction(judge):
    def accuracy(trial):
        return {
            "test_accuracy": 0.9 + noise(trial),
            "row": {"classes": 10 if trial.seed > 5 else None},
        }

    (verdict,) = judge(final(accuracy), "C1-common", BOTH)
    assert verdict.uncorrected == "supported"


# Softmax regression and the floor ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("finished", "verdict_is", "reason"),
    [
        (1, "undecided", "Softmax regression on cifar10 needs 15 seeds, of which 1 is finished."),
        (
            14,
            "undecided",
            "Softmax regression on cifar10 needs 15 seeds, of which 14 are finished.",
        ),
        (15, "supported", ""),
    ],
)
def test_a_few_seeds_of_softmax_regression_are_no_floor(judge, finished, verdict_is, reason):
    found = judge(
        final(lambda trial: 0.9 + noise(trial)),
        "C9",
        [{"method": ["free-pruning", "free-flipping"]}],
        only=lambda trial: trial.network != "linear" or trial.seed <= finished,
    )
    assert [(one.conclusion, one.reason) for one in found] == [(verdict_is, reason)]


@pytest.fixture
def beside(study, record_in, tmp_path):
    """A function that judges C9 with softmax regression at a second rate in a second study."""

    def run(of_first, of_second, *, first=15, second=5, level=0.9):
        def figures(trial):
            if trial.network != "linear":
                return {"test_accuracy": level + noise(trial), "changed": 0.1}
            own = of_second if trial.learning_rate == 3e-3 else of_first
            return {"changed": 0.0, **own}

        given = {"dataset": "cifar10", "method": "dense", "margin": 0.5}
        softmax = [{**LINEAR, "learning_rate": rate} for rate in (1e-3, 3e-3)]
        one = study(seeds=15, grids=[*FREE, softmax[0]], **given)
        other = named(study(seeds=second, grids=[softmax[1]], **given), "other")
        only = lambda trial: trial.network != "linear" or trial.seed <= first  # noqa: E731
        places = [record_in(tmp_path, one, figures, only), record_in(tmp_path, other, figures)]
        (verdict,) = on(analysis.load(places), "C9")
        return verdict

    return run


def test_softmax_regression_is_the_recipe_that_has_its_seeds_not_that_with_the_most(beside):
    verdict = beside({"test_accuracy": 0.35}, {"test_accuracy": 0.3}, first=6)
    assert (verdict.uncorrected, verdict.reason) == ("supported", "")
    assert [one.softmax for one in verdict.deciding] == [pytest.approx(0.3)]


def test_the_best_of_the_recipes_that_have_their_seeds_is_the_floor(beside):
    verdict = beside({"test_accuracy": 0.3}, {"test_accuracy": 0.35})
    assert [one.softmax for one in verdict.deciding] == [pytest.approx(0.35)]


def test_one_seed_of_another_recipe_raises_no_floor(beside):
    verdict = beside({"test_accuracy": 0.3}, {"test_accuracy": 0.95}, second=1)
    assert (verdict.uncorrected, verdict.reason) == ("supported", "")
    assert [one.softmax for one in verdict.deciding] == [pytest.approx(0.3)]


def test_one_seed_of_another_recipe_lifts_softmax_regression_off_chance_no_more(beside):
    verdict = beside({"test_accuracy": 0.1}, {"test_accuracy": 0.3}, second=1)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "Softmax regression on cifar10 is at chance."


@pytest.mark.parametrize(("of_odd", "conclusion"), [(0.2, "supported"), (0.35, "undecided")])
def test_an_odd_row_of_softmax_regression_matters_in_the_recipe_that_is_the_floor(
    beside, of_odd, conclusion
):
    odd = {"test_accuracy": of_odd, "row": {"test_correct": b"\xff" * 125}}
    verdict = beside({"test_accuracy": 0.3}, odd)
    assert verdict.uncorrected == conclusion
    assert ("contradict the recorded accuracy" in verdict.reason) == (conclusion == "undecided")


@pytest.mark.parametrize("recorded", ["free-flipping", "free-pruning"])
def test_all_pairs_are_held_against_softmax_regression(judge, recorded):
    # Only some trials of one side record the number of classes, and not the first ones.
    def figures(trial):
        linear = trial.network == "linear"
        known = trial.method == recorded and trial.seed > 5
        row = {"classes": 5 if linear else 10 if known else None}
        return {"test_accuracy": (0.3 if linear else 0.9) + noise(trial), "row": row}

    (verdict,) = judge(lambda t: {"changed": 0.1, **figures(t)}, "C9", FREE, dataset="cifar10-jpeg")
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == (
        "Softmax regression on cifar10-jpeg is no floor: not all trials have the same number of "
        "classes."
    )


# Margins -----------------------------------------------------------------------------------------


def test_the_smallest_margin_is_one_with_which_enough_places_pass(judge):
    # Densities 0.3, 0.5 and 0.7 lie 10, 0 and 12 points behind the best one and 20, 30 and 18 above
    # softmax regression, and 0.1 lies below that. Free pruning is 19 points worse than the best: a
    # margin of 19 would leave two densities.
    levels = {0.1: 0.25, 0.3: 0.5, 0.5: 0.6, 0.7: 0.48}
    figures = final(lambda trial: levels.get(trial.density, 0.41) + noise(trial))
    (verdict,) = judge(figures, "C6", densities(*levels), margin=13)
    assert verdict.uncorrected == "refuted"
    assert math.isnan(verdict.smallest_margin)
    # Of the best one 17 points are missing: with that margin three of them pass.
    levels[0.0] = 0.43
    (verdict,) = judge(figures, "C6", densities(*list(levels)[:4]), margin=13)
    assert verdict.smallest_margin == pytest.approx(0.17, abs=0.002)


@pytest.mark.parametrize(
    ("claim", "grids", "levels"),
    [
        ("C1-common", BOTH, {"dense": 0.79, "free-pruning": 0.5}),
        (
            "C9",
            [{"method": ["free-pruning", "free-flipping"]}],
            {"free-pruning": 0.79, "free-flipping": 0.5},
        ),
        ("C6", densities(0.3, 0.5, 0.7), {"edge-popup": 0.79, "free-pruning": 0.5}),
    ],
)
@pytest.mark.parametrize("margin", [50, 60, 100])
def test_a_margin_down_to_softmax_regression_supports_nothing(judge, claim, grids, levels, margin):
    # Within 50 points of 79% lies softmax regression (30%), which has learnt next to nothing.
    figures = final(lambda trial: levels.get(trial.method, 0.79) + noise(trial))
    (verdict,) = judge(figures, claim, grids, margin=margin)
    assert all(one.p < 0.05 for one in verdict.deciding)
    assert verdict.uncorrected == "undecided"
    assert f"minus the margin of {margin} points is not more than softmax regression (30.00%)" in (
        verdict.reason
    )
    assert math.isnan(verdict.smallest_margin)


def test_a_margin_above_softmax_regression_supports(judge):
    levels = {"dense": 0.8, "free-pruning": 0.75}
    figures = final(lambda trial: levels[trial.method] + noise(trial))
    (verdict,) = judge(figures, "C1-common", BOTH, margin=10)
    assert verdict.uncorrected == "supported"
    assert verdict.smallest_margin == pytest.approx(0.05, abs=0.002)


def test_no_smallest_margin_reaches_down_to_softmax_regression(judge):
    # With a margin of ten points it would be supported, but softmax regression is five below dense.
    levels = {"dense": 0.35, "free-pruning": 0.25}
    figures = final(lambda trial: levels[trial.method] + noise(trial))
    (verdict,) = judge(figures, "C1-common", BOTH, margin=1)
    assert verdict.uncorrected == "refuted"
    assert math.isnan(verdict.smallest_margin)


def test_a_wide_margin_widens_no_other_floor(judge):
    # Dense training is 20 points below its best, so nine tenths of it are little.
    def accuracy(trial):
        poor = trial.method == "dense" and trial.learning_rate == 1e-3
        return 0.9 - 0.2 * poor + noise(trial)

    grids = [
        {"method": ["dense", "minimal-pruning"]},
        {"method": "dense", "learning_rate": 3e-3},
    ]
    found = judge(final(accuracy, changed=0.05), "C2", grids, margin=70)
    (verdict,) = [one for one in found if one.cell["learning_rate"] == 1e-3]
    assert verdict.uncorrected == "undecided"


@pytest.mark.parametrize("wide", ["both sides", "dense alone"])
def test_no_study_borrows_the_margin_of_another(study, record_in, tmp_path, wide):
    # Free pruning is three points worse. Its study states no margin, another one states 50 points.
    methods = BOTH if wide == "both sides" else [{"method": "dense"}]
    seeds = list(range(16, 19)) if wide == "both sides" else 15
    levels = {"dense": 0.9, "free-pruning": 0.87}
    figures = final(lambda trial: levels[trial.method] + noise(trial))
    given = {"dataset": "cifar10", "method": "dense"}
    without = study(seeds=15, grids=[*BOTH, LINEAR], **given)
    other = named(study(seeds=seeds, grids=[*methods, LINEAR], margin=50, **given), "other")
    places = [record_in(tmp_path, one, figures) for one in (without, other)]
    for order in (places, places[::-1]):
        (verdict,) = on(analysis.load(order), "C1-common")
        assert verdict.uncorrected == "undecided"
        assert verdict.reason == "The study states no margin."


def test_a_comparison_of_two_studies_has_the_stricter_margin(study, record_in, tmp_path):
    figures = final(lambda trial: 0.9 - 0.01 * (trial.method == "free-pruning") + noise(trial))
    given = {"dataset": "cifar10", "method": "dense", "seeds": 15}
    one = study(grids=[{"method": "free-pruning"}, LINEAR], margin=2, **given)
    other = named(study(grids=[{"method": "dense"}], margin=0.5, **given), "other")
    places = [record_in(tmp_path, each, figures) for each in (one, other)]
    (verdict,) = on(analysis.load(places), "C1-common")
    assert verdict.uncorrected == "refuted"
    assert verdict.deciding[0].bound == -0.005


# Further tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_softmax", "reason"),
    [
        ({"row": {"test_images": 500}}, "not all trials were evaluated on the same test images"),
        (
            {"row": {"dataset_fingerprint": "ba9876543210"}},
            "not all trials were evaluated on the same test images",
        ),
        (
            {"row": {"test_correct": b"\xff" * 125}},
            "the recorded answers to each test image contradict the recorded accuracy",
        ),
    ],
)
def test_softmax_regression_of_other_images_is_no_floor(judge, of_softmax, reason):
    def figures(trial):
        linear = trial.network == "linear"
        level = {"test_accuracy": (0.3 if linear else 0.9) + noise(trial), "changed": 0.1}
        return level | (of_softmax if linear else {})

    (verdict,) = judge(figures, "C9", FREE)
    assert verdict.conclusion == "undecided"
    assert verdict.reason == f"Softmax regression on cifar10 is no floor: {reason}."


@pytest.mark.parametrize(
    ("longer", "level", "would_be"),
    [("free-flipping", 0.9, "supported"), ("free-pruning", 0.8, "refuted")],
)
def test_a_training_of_several_times_the_epochs_decides_nothing(judge, longer, level, would_be):
    def accuracy(trial):
        row = {"last_epoch": 30} if trial.method == longer else {}
        own = level if trial.method == "free-flipping" else 0.9
        return {"test_accuracy": own + noise(trial), "row": row}

    (verdict,) = judge(final(accuracy), "C9", FREE)
    assert verdict.conclusion == "undecided"
    assert verdict.reason == (
        f"{longer.capitalize()} was trained for 30 epochs in all, the other side for 3."
    )
    shorter = final(lambda t: accuracy(t) | {"row": {}})
    (verdict,) = judge(shorter, "C9", FREE)
    assert verdict.conclusion == would_be


def test_both_numbers_of_epochs_are_named_where_both_sides_went_beyond_their_length(judge):
    epochs = {"free-flipping": 30, "free-pruning": 15}

    def accuracy(trial):
        last = epochs.get(trial.method, 3)
        return {"test_accuracy": 0.9 + noise(trial), "row": {"last_epoch": last}}

    (verdict,) = judge(final(accuracy), "C9", FREE)
    assert verdict.reason == (
        "Free-flipping was trained for 30 epochs in all, the other side for 15."
    )


def test_an_impossible_validation_accuracy_prefers_no_method(judge):
    # Free flipping is poor, but its validation accuracy is beyond all others.
    def accuracy(trial):
        poor = trial.method == "free-flipping"
        own = {"test_accuracy": (0.7 if poor else 0.9) + noise(trial)}
        return own | ({"row": {"validation_accuracy": 7.0}} if poor else {})

    grids = [{"method": ["free-pruning", "free-flipping", "supermask"]}]
    (verdict,) = judge(final(accuracy), "C11", grids)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == IMPOSSIBLE


@pytest.mark.parametrize("share", [-0.2, 1.3])
def test_an_impossible_size_is_no_small_one(judge, share):
    # What the wider network has left cannot be: less than nothing, or more than all.
    def accuracy(trial):
        own = share if trial.width > 1 else 0.4
        counts = tuple(round((own + abs(noise(trial, 0.01))) * n) for n in (19_200, 30_000, 1_000))
        layers = {"connected": counts, "live": counts, "live_changed": (0, 0, 0)}
        return {"test_accuracy": 0.9 + noise(trial), "layers": layers}

    grids = [{"method": "free-pruning", "width": [1.0, 2.0]}]
    (verdict,) = judge(final(accuracy), "C10-left", grids)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == IMPOSSIBLE


@pytest.mark.parametrize("lost", [-30.0, -1e-3])
def test_no_time_is_negative(judge, lost):
    # An epoch took less than no time, by a clock that was set back, and so all of
    # free pruning's times were longer or shorter at will.
    def accuracy(trial):
        own = [0.0, lost, 40.0, 2.0] if trial.method == "free-pruning" else [0.0, 9.0, 9.0, 9.0]
        seconds = [*own[:-1], own[-1] + abs(noise(trial, 0.1))]
        return {"test_accuracy": 0.9, "epochs": {"train_seconds": seconds}, "row": {"seconds": 30}}

    (verdict,) = judge(final(accuracy), "C5-time", BOTH)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "n = 0, 15 planned"


def test_times_of_trials_that_contradict_themselves_decide_nothing(judge):
    def accuracy(trial):
        pruning = trial.method == "free-pruning"
        seconds = [0.0, 9.0, 9.0, 9.0 + pruning + abs(noise(trial, 0.1))]
        row = {"seconds": 30} | ({"classes": 5} if pruning else {})
        return {"test_accuracy": 0.9, "epochs": {"train_seconds": seconds}, "row": row}

    (verdict,) = judge(final(accuracy), "C5-time", BOTH)
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == OTHER_CLASSES


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.inf, math.nan])
def test_a_ratio_of_times_is_a_positive_number(study, record, tmp_path, ratio):
    uri = record(study())
    row = {
        "at": pd.Timestamp("2026-01-01", tz="UTC"),
        "quick": False,
        "machine": "m",
        "versions": "v",
        "group": "step, lenet-300-100, batch 25",
        "measure": "free-pruning / our dense",
        "values": [ratio, *[1.0, 1.001, 0.999] * 5],
    }
    pd.DataFrame([row]).to_parquet(tmp_path / "results" / "benchmarks.parquet")
    (verdict,) = on(analysis.load(uri), "C5")
    assert verdict.uncorrected == "undecided"
    assert verdict.reason == "n = 15, 16 planned"


@pytest.mark.parametrize("apart", [0.0, 0.002])
def test_two_methods_that_answer_every_image_alike_are_named(judge, apart):
    def accuracy(trial):
        return 0.8 + 0.01 * trial.seed + apart * (trial.method == "dense")

    (verdict,) = judge(final(accuracy), "C1-common", BOTH)
    alike = "both sides answer every test image alike in all pairs" in verdict.flags
    assert alike == (apart == 0)


def test_a_trial_that_differs_between_two_studies_is_named(study, record_in, tmp_path):
    # Dense training is in both studies, and its first attempt is poor.
    def poor(trial):
        return {"test_accuracy": (0.8 if trial.seed == 3 else 0.9) + noise(trial), "changed": 0.1}

    given = {"seeds": 15, "margin": 0.5, "dataset": "cifar10"}
    one, other = study(**given, method="dense"), named(study(**given), "other")
    places = [
        record_in(tmp_path, one, poor),
        record_in(tmp_path, other, final(lambda t: 0.9 + noise(t))),
    ]
    loaded = analysis.load(places)
    (trial,) = loaded.conflicts
    (verdict,) = on(loaded, "C1-common")
    assert f"run twice with different results: {trial}" in verdict.flags
