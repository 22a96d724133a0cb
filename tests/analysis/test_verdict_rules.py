"""The rules between comparisons and verdicts, each by hand on a few numbers."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.estimates.judged import fractions, noise_of_chance
from analysis.statistics.paired import Estimate
from analysis.verdicts.aggregation import overall
from analysis.verdicts.budgets import within_budgets
from analysis.verdicts.cases import _in_rounds, _too_short
from analysis.verdicts.claim import Criterion
from analysis.verdicts.comparisons import (
    _estimated,
    _finished_and_committed,
    _margin,
    with_best_rival,
)
from analysis.verdicts.decisions import _concluded, _decide, _enough_pass, _smallest_margin
from analysis.verdicts.exploratory import adjusted
from analysis.verdicts.floors import _Recipe, above_floor, lacks_softmax_regression
from analysis.verdicts.verdict import Comparison
from analysis.verdicts.warnings import _left_out, _of_answers, _of_seeds, _unfinished

NOTHING = Estimate(math.nan, math.nan, 1.0, 0)
ABOVE_PARTNER = Criterion(says="not worse", above="margin", against={"method": "dense"})


def compared(rival, own=0.9, failures=(), softmax=math.nan):
    """A comparison of trials of this accuracy with rivals of these, of which some have failed."""
    n = len(rival)
    pairs = pd.DataFrame(
        {
            "accuracy": own,
            "accuracy_of_partner": rival,
            "failure_of_partner": ["dead" if i in failures else "" for i in range(n)],
            "test_images": 100,
            "test_images_of_partner": 100,
            "test_correct": None,
            "test_correct_of_partner": None,
        }
    )
    difference = pairs["accuracy"] - pairs["accuracy_of_partner"]
    return Comparison(
        criterion=ABOVE_PARTNER,
        at={},
        pairs=pairs.assign(difference=difference, difference_against=difference),
        planned=n,
        committed=n,
        definitions=1,
        alone=(),
        unvalued=(),
        bound=-0.01,
        estimate=NOTHING,
        against=NOTHING,
        over_images=False,
        softmax=softmax,
    )


def test_a_failure_of_the_rival_is_replaced_with_its_best_completed_run():
    replaced = with_best_rival(compared([0.8, 0.1, 0.85, 0.7], failures=[1]))
    assert replaced.pairs["accuracy_of_partner"].tolist() == [0.8, 0.85, 0.85, 0.7]
    assert replaced.differences == pytest.approx([0.1, 0.05, 0.05, 0.2])
    assert replaced.pairs["difference_against"].tolist() == pytest.approx([0.1, 0.05, 0.05, 0.2])
    assert replaced.estimate.mean == pytest.approx(0.1)


def test_a_rival_that_equals_softmax_regression_has_failed():
    replaced = with_best_rival(compared([0.8, 0.6, 0.85, 0.601], softmax=0.6))
    assert replaced.pairs["accuracy_of_partner"].tolist() == [0.8, 0.85, 0.85, 0.601]
    unchanged = compared([0.8, 0.61, 0.85], softmax=0.6)
    assert with_best_rival(unchanged) is unchanged


def test_all_or_nothing_is_a_possible_accuracy():
    values = [0.0, 1.0, 0.5, math.nan, -0.01, 1.01]
    possible = [True, True, True, True, False, False]
    for name in ("accuracy", "changed", "accuracy_of_partner", "changed_of_partner"):
        assert fractions(pd.DataFrame({name: values})).tolist() == possible


def test_one_training_that_is_too_short_is_too_short():
    pairs = pd.DataFrame(
        {
            "epochs": 10,
            "trained_epochs": 40.0,
            "trained_epochs_of_partner": [40.0, 31.0, 30.0],
            "method_of_partner": "free-pruning",
        }
    )
    (reason,) = _too_short([SimpleNamespace(pairs=pairs)])
    assert reason.startswith("free-pruning was trained for 30 epochs in all")
    assert _too_short([SimpleNamespace(pairs=pairs[:2])]) == []  # less than a training apart


@pytest.mark.parametrize(
    ("arm", "partner", "side"),
    [
        (30, 3, "arm"),
        (3, 30, "partner"),
        (30, 30, None),
        (3, 1, None),  # it diverged in its first epoch, which makes the other training no longer
        (1, 3, None),
    ],
)
@pytest.mark.parametrize("rival", ["arm", "partner"])
def test_a_longer_training_supports_nothing_and_refutes_nothing(arm, partner, side, rival):
    pairs = pd.DataFrame(
        {
            "epochs": [3, 3],
            "last_epoch": [3, arm],
            "last_epoch_of_partner": [3, partner],
            "method": "free-flipping",
            "method_of_partner": "free-pruning",
        }
    )
    given = [SimpleNamespace(criterion=SimpleNamespace(rival=rival), pairs=pairs)]
    support, refutation = (_in_rounds(given, against=against) for against in (False, True))
    method = "free-flipping" if side == "arm" else "free-pruning"
    reason = [f"{method} was trained for 30 epochs in all, the other side for 3"]
    assert support == (reason if side not in (None, rival) else [])
    assert refutation == (reason if side == rival else [])


def behind(*distances, methods=None):
    methods = methods or [""] * len(distances)
    return [
        SimpleNamespace(
            behind=distance,
            above=math.inf,
            at={"method": method},
            criterion=SimpleNamespace(rival=None),
        )
        for distance, method in zip(distances, methods, strict=True)
    ]


def needed(sweep, enough, deciding):
    """The margin that a claim needs which lets this many places of a sweep lie below the best."""
    claim = SimpleNamespace(sweep=sweep, enough=enough)
    return min(one.behind for one in deciding if _enough_pass(claim, deciding, one.behind))


def test_a_claim_needs_the_rivals_that_lie_least_far_below_their_best():
    assert needed(("density",), 3, behind(0.04, 0.01, 0.03, 0.02)) == 0.03
    assert needed(("density",), 3, behind(0.02, 0.01)) == 0.02  # there are no three
    each_method = behind(0.04, 0.01, 0.03, 0.02, methods="aabb")
    assert needed(("method", "density"), 1, each_method) == 0.02
    assert needed((), 1, behind(0.02, 0.04, 0.01)) == 0.04  # every criterion


def test_exploratory_comparisons_are_corrected_for_the_rate_of_false_claims():
    # in ascending order times 4 / rank: 0.01 * 4, 0.02 * 2, 0.03 * 4 / 3, 1; at most the next one
    given = [SimpleNamespace(p=0.02, p_against=1.0), SimpleNamespace(p=0.03, p_against=0.01)]
    found = adjusted(given)
    assert found[id(given[0])] == pytest.approx({"q": 0.04, "q_against": 1.0})
    assert found[id(given[1])] == pytest.approx({"q": 0.04, "q_against": 0.04})
    assert np.isnan(adjusted([SimpleNamespace(p=math.nan, p_against=1.0)] * 1).popitem()[1]["q"])


def cell(conclusion, p=1.0, p_against=1.0, **more):
    """A verdict on one cell, a confirmatory one unless more is given."""
    values = {
        "claim": CLAIM,
        "method": "free-pruning",
        "exploratory": (),
        "added": False,
        "supports": conclusion == "supported",
        "opposes": conclusion == "refuted",
        "uncorrected": conclusion,
        "p": p,
        "p_against": p_against,
        "planned": 15,
        "deciding": [],
    }
    return SimpleNamespace(**values | more)


CLAIM = SimpleNamespace(id="C1")


def test_all_cells_together_by_hand():
    (both,) = overall([cell("supported", 0.01), cell("supported", 0.04)])
    assert (both.conclusion, both.by_holm) == ("supported", 2)
    # 0.03 * 2 is above 0.05: the cell that is not supported belongs to the family.
    (one,) = overall([cell("supported", 0.03), cell("undecided", 0.5)])
    assert (one.conclusion, len(one.supported), one.by_holm) == ("undecided", 1, 0)
    (against,) = overall([cell("supported", 0.01), cell("refuted", p_against=0.01)])
    assert (against.conclusion, len(against.refuting)) == ("refuted", 1)
    # What keeps a cell from being refuted keeps it from refuting all.
    (blocked,) = overall([cell("supported", 0.01), cell("undecided", p_against=0.001)])
    assert (blocked.conclusion, blocked.refuting) == ("undecided", ())
    # A cell that is blocked lends its p-value to none of those that may be named one by one.
    (named,) = overall([cell("supported", 0.03), cell("undecided", 0.001)])
    assert named.by_holm == 0
    # 0.03 * 2 is above 0.05 here, too.
    (once,) = overall([cell("refuted", p_against=0.03), cell("supported", 0.01)])
    assert (once.conclusion, once.refuting) == ("undecided", ())


def test_exploratory_cells_together_by_hand():
    late = {"exploratory": ("late",)}
    # Exploratory comparisons are corrected already: 0.04 * 2 is not asked for.
    against = cell("refuted", p_against=0.04, **late)
    (spoken,) = overall([against, cell("undecided", **late)])
    assert (spoken.conclusion, spoken.refuting) == ("speaks against", (against,))
    # A cell that was added counts apart from others only where there are others.
    (alone,) = overall([cell("refuted", p_against=0.01, added=True, **late)])
    assert (alone.conclusion, alone.added) == ("speaks against", ())
    # Beside a confirmatory cell an exploratory one does not count.
    first = cell("supported", 0.01)
    (counted,) = overall([first, cell("undecided", **late)])
    assert (counted.conclusion, counted.counted) == ("supported", (first,))
    # It may be a demonstration, say, and refutes nothing unless it was added.
    (shown,) = overall([first, cell("refuted", p_against=0.001, **late)])
    assert (shown.conclusion, shown.added) == ("supported", ())


def compared_with(*trials):
    pairs = pd.DataFrame({"trial_id_of_partner": trials})
    return {"deciding": [SimpleNamespace(pairs=pairs)]}


@pytest.mark.parametrize(
    ("seeds", "partners", "counts"),
    [
        (15, "abc", True),  # all of the seeds that were planned
        (14, "abc", False),  # with partners that were known, some of them may be chosen
        (14, "cde", False),
        (14, "def", True),
    ],
)
def test_an_added_cell_counts_on_all_planned_seeds_or_with_partners_of_its_own(
    seeds, partners, counts
):
    first = cell("supported", 0.01, **compared_with("a", "b", "c"))
    added = {"exploratory": ("late",), "added": True, "planned": seeds}
    late = cell("refuted", p_against=0.01, **added, **compared_with(*partners))
    (both,) = overall([first, late])
    assert both.conclusion == ("refuted" if counts else "supported")
    assert both.added == ((late,) if counts else ())


def test_a_larger_budget_is_cut_by_hand():
    def within(rival, ours, theirs, cost=1.0):
        """The differences for and against of a single pair, 0.1 before."""
        tried = {2: [0.84, 0.90], 4: [0.80, 0.84, 0.86, 0.90]}
        pairs = pd.DataFrame(
            {
                "configurations": [ours],
                "configurations_of_partner": [theirs],
                "option_cost": cost,
                "option_cost_of_partner": cost,
                "by_options": [tried[ours]],
                "by_options_of_partner": [tried[theirs]],
                "accuracy": 0.9,
                "accuracy_of_partner": 0.9,
                "difference": 0.1,
            }
        )
        bounds = {"below": 0.0} if rival == "arm" else {"above": 0.0}
        criterion = Criterion(says="", against={"method": "dense"}, share=0.5, **bounds)
        claim = SimpleNamespace(sweep=())
        rows = within_budgets(None, pairs, claim, criterion)
        return rows[["difference", "difference_against"]].iloc[0].tolist()

    # The best of two of the four is 0.84 instead of 0.90; half of the partner's is subtracted.
    assert within("arm", 2, 4) == pytest.approx([0.1 + 0.03, 0.1])
    assert within("arm", 4, 2) == pytest.approx([0.1, 0.1 - 0.06])
    assert within("partner", 2, 4) == pytest.approx([0.1, 0.1 + 0.03])
    assert within("partner", 4, 2) == pytest.approx([0.1 - 0.06, 0.1])
    assert within("arm", 2, 2) == [0.1, 0.1]
    # An option of two configurations: one of them for two, none for less than two.
    assert within("arm", 2, 4, cost=2.0) == pytest.approx([0.1 + 0.05, 0.1])
    assert math.isnan(within("arm", 2, 4, cost=2.5)[0])


@pytest.mark.parametrize(
    ("failed", "conclusion"), [([0, 1, 2, 3], "undecided"), ([0], "refuted"), ([], "refuted")]
)
def test_a_refutation_that_rests_on_failures_of_the_rival_is_none(failed, conclusion):
    """Of five values the four that are far above the bound may be those of failures."""
    values = [5.0, 5.1, 4.9, 5.05, 4.95] if failed == [0] else [5.0, 5.1, 4.9, 5.05, 1.0]
    pairs = pd.DataFrame(
        {
            "difference": values,
            "difference_against": values,
            "accuracy": 0.9,
            "failure": ["dead" if i in failed else "" for i in range(5)],
        }
    )
    small = Criterion(says="small", value="left", below=0.0, helped_by="arm")
    about = dict.fromkeys(("unequal", "neither", "no_support", "no_refutation"), ())
    one = replace(compared([0.8] * 5), criterion=small, bound=0.0)
    one = _estimated(one, pairs)
    case = SimpleNamespace(deciding=[one], exploratory=(), **about)
    plain, shown, reason = _concluded(case)
    assert (plain, shown) == (conclusion, conclusion)
    assert ("without their pairs it is undecided" in reason) == (conclusion == "undecided")


def test_the_comparison_with_the_fewest_pairs_is_named():
    about = dict.fromkeys(("unequal", "neither", "no_support", "no_refutation"), ())
    few, many = (replace(compared([0.8] * n), complete=False, planned=15) for n in (3, 9))
    case = SimpleNamespace(**about)
    assert _decide(case, [many, few, many]) == ("undecided", "n = 3, 15 planned")


@pytest.mark.parametrize(
    ("margins", "arm", "partner", "expected"),
    [
        ({"a": 1.0}, "a", "a", 0.01),
        ({"a": 1.0, "b": 0.5}, "a", "ab", 0.005),  # the strictest
        ({"a": 1.0, "b": 0.5}, "a", "b", 0.005),  # one for each side
        ({"b": 0.5}, "a", "b", math.nan),
        ({"b": 0.5, "c": 2.0}, "ac", "ab", math.nan),  # that which plans both has none
        ({"a": 1.0}, "", "", 0.01),  # no definition plans them, but they are of that study
        ({}, "a", "a", math.nan),
    ],
)
def test_the_margin_of_a_pair_by_hand(margins, arm, partner, expected):
    studies = [SimpleNamespace(name=name) for name in "abc"]
    rows = pd.DataFrame(
        {
            "defined": [sum(2 ** "abc".index(name) for name in arm)],
            "study": "a",
            "defined_of_partner": [sum(2 ** "abc".index(name) for name in partner)],
            "study_of_partner": "a",
        }
    )
    found = _margin(SimpleNamespace(studies=studies, margins=margins), rows)
    assert found == pytest.approx(expected, nan_ok=True)


def test_a_pair_is_seen_only_if_both_of_its_trials_are():
    rows = pd.DataFrame(
        {
            "attempt": ["a", "a", "a", None],
            "attempt_of_partner": ["b", "b", None, None],
            "seen": [True, True, False, False],
            "seen_of_partner": [True, False, True, None],
            "committed": [1, 1, 1, 1],
            "committed_of_partner": [2, 2, 2, None],
        }
    )
    finished, committed = _finished_and_committed(rows, ["", "_of_partner"])
    assert finished.tolist() == [[True, True, True, False], [True, True, False, False]]
    assert [one.tolist() for one in committed] == [[0, 1, 1, 1], [0, 2, 2, 0]]


def test_what_is_not_finished_is_named_where_something_is():
    def at(density, n, complete):
        of_sweep = replace(compared([0.8] * n), at={"density": density})
        return replace(of_sweep, planned=15, complete=complete)

    finished, few, none = at(0.3, 15, True), at(0.5, 7, False), at(0.7, 0, False)
    assert _unfinished([finished, few, none]) == [
        "unfinished: density 0.5 (7 of 15); density 0.7 (0 of 15)"
    ]
    assert _unfinished([few, none]) == []
    assert _unfinished([finished]) == []


def test_answers_are_alike_only_if_they_are_in_all_pairs():
    def answered(ours, theirs, **more):
        pairs = pd.DataFrame({"test_correct": ours, "test_correct_of_partner": theirs})
        return replace(compared([0.8] * 2), pairs=pairs, over_images=True, **more)

    alike = answered([b"a", b"b"], [b"a", b"b"], at={"density": 0.3})
    one_differs = answered([b"a", b"b"], [b"a", b"c"], at={"density": 0.5})
    said = "both sides answer every test image alike in all pairs"
    assert _of_answers([alike, one_differs]) == [f"{said} (density 0.3)"]
    assert _of_answers([replace(alike, at={})]) == [said]
    assert _of_answers([one_differs]) == []
    assert _of_answers([replace(alike, over_images=False)]) == []  # no answers are compared


def test_only_trials_of_the_same_task_are_named_as_left_out():
    rows = pd.DataFrame(
        {
            "trial_id": ["a", "b", "c"],
            "network": ["conv2", "conv4", "conv2"],
            "dataset": ["cifar10", "cifar10", "mnist"],
            "outcome": "completed",
            "last_epoch": 1,
            "epochs": 3,
        }
    )
    cell = {"network": "conv2", "dataset": "cifar10"}
    assert _left_out(SimpleNamespace(cut_short=rows), cell) == [
        "left out: trial a, completed after epoch 1 of 3"
    ]


@pytest.mark.parametrize(
    ("seeds", "finished", "compared", "reason"),
    [
        (5, 5, 15, ""),  # five are enough
        (4, 4, 15, "needs 5 seeds, of which 4 are finished"),
        (4, 4, 4, ""),  # as many as are compared
        (7, 6, 15, "needs 7 seeds, of which 6 are finished"),  # all that are planned
        (7, 0, 15, "is planned, but not finished"),
    ],
)
def test_how_many_seeds_of_softmax_regression_are_needed(
    seeds, finished, compared, reason, study, record
):
    # A second recipe never ran: it takes nothing from the first one.
    grids = [
        {"network": "linear", "learning_rate": rate, "seeds": list(range(1, seeds + 1))}
        for rate in (1e-3, 3e-3)
    ]
    asked = study(seeds=15, dataset="cifar10", method="dense", grids=grids)
    figures = lambda trial: {"test_accuracy": 0.3, "changed": 0.0}  # noqa: E731
    only = lambda t: t.learning_rate == 1e-3 and t.seed <= finished  # noqa: E731
    results = analysis.load(record(asked, figures, only))
    found = lacks_softmax_regression(results, "cifar10", compared)
    assert found == (f"softmax regression on cifar10 {reason}" if reason else "")


def test_of_tuned_softmax_regression_a_seed_needs_the_chosen_recipe_alone(study, record):
    # Of six seeds, three chose one of two rates and three the other.
    rates = {"network": "linear", "learning_rate": [1e-3, 3e-3]}
    given = {"seeds": "1001-1006", "tuning_seeds": "seed + 1000"}
    figures = lambda trial: {"test_accuracy": 0.3, "changed": 0.0}  # noqa: E731
    about = {"dataset": "cifar10", "method": "dense"} | given
    record(study(grids=[rates | {"tuned": "learning_rate"}], **about), figures)
    grids = [
        rates | {"seeds": "tuning"},
        rates | {"learning_rate": 1e-3, "seeds": [1001, 1002, 1003]},
        rates | {"learning_rate": 3e-3, "seeds": [1004, 1005, 1006]},
    ]
    fresh = lambda trial: trial.seed < 2000  # noqa: E731
    results = analysis.load(record(study(grids=grids, **about), figures, fresh))
    assert lacks_softmax_regression(results, "cifar10", 15) == ""


def test_softmax_regression_that_reaches_the_noise_of_chance_is_no_floor(study, record):
    images = {"dataset": ["cifar10"], "classes": [10.0], "test_images": [1000]}
    (bound,) = noise_of_chance(pd.DataFrame(images))

    def lacks(accuracy, seed):
        grids = [{"network": "linear"}]
        asked = study(seeds=[seed], dataset="cifar10", method="dense", grids=grids)
        asked = asked.model_copy(update={"name": f"seed{seed}"})
        figures = lambda trial: {"test_accuracy": accuracy, "changed": 0.0}  # noqa: E731
        return lacks_softmax_regression(analysis.load(record(asked, figures)), "cifar10", 1)

    assert lacks(bound, 1) == "softmax regression on cifar10 is at chance"
    assert lacks(math.nextafter(bound, 1), 2) == ""


def test_how_far_a_rival_lies_above_its_floor(study, record):
    linear = {"network": "linear"}
    asked = study(dataset="cifar10", method="dense", grids=[linear])
    figures = lambda trial: {"test_accuracy": 0.3, "changed": 0.0}  # noqa: E731
    results = analysis.load(record(asked, figures))
    rival = {"dataset": "cifar10", "network": "lenet-300-100", "method": "dense"}
    assert above_floor(results, rival, 0.8, 5, 0.5) == (
        0.5,
        "dense reaches 80.00%, which minus the margin of 50 points is not more than softmax "
        "regression (30.00%)",
    )
    assert above_floor(results, rival, 0.8001, 5, 0.5)[1] == ""
    assert above_floor(results, rival, 0.2, 5, math.nan)[1] == ""  # no margin counts
    # Softmax regression itself must exceed the noise of chance, 0.1 + 5 * sqrt(0.09 / 1000).
    above, reason = above_floor(results, rival | linear, 0.8, 5, 0.7)
    assert above == pytest.approx(0.8 - 0.147434, abs=1e-6)
    assert reason.endswith("is not more than chance (14.74%)")
    assert above_floor(results, rival | linear, 0.8, 5, 0.6)[1] == ""


def test_which_seeds_lack_a_partner_is_said_where_something_is_judged():
    one = replace(compared([0.8] * 3), alone=(7, 9), unvalued=(4,))
    other = replace(one, alone=(2, 7), unvalued=())
    assert _of_seeds([one, other]) == [
        "without a finished partner: seed 2, 7, 9",
        "finished, but without a value to compare for one of the two: seed 4",
    ]
    assert _of_seeds([replace(one, not_judged="for a reason")]) == []


def test_a_recipe_of_softmax_regression_lacks_seeds_or_none():
    def recipe(finished, planned):
        return _Recipe(pd.DataFrame({"seed": range(finished)}), planned)

    assert recipe(6, 15).lacking(3) == 9  # what is planned
    assert recipe(2, 2).lacking(3) == 1  # as many as are compared,
    assert recipe(4, 4).lacking(15) == 1  # or five
    assert recipe(7, 5).lacking(5) == 0  # seeds that no definition has any more are none too many


@pytest.mark.parametrize("order", [1, -1])
def test_no_margin_is_supported_if_one_comparison_has_none(order):
    one = replace(compared([0.8] * 3), estimate=Estimate(0.0, 0.01, 9.0, 10))
    other = replace(one, estimate=NOTHING)
    about = {"no_support": (), "neither": (), "unequal": ()}
    claim = SimpleNamespace(sweep=("density",), enough=1)
    case = SimpleNamespace(claim=claim, deciding=[one, other][::order], **about)
    assert math.isnan(_smallest_margin(case))
    case.deciding = [one, one]
    assert _smallest_margin(case) == pytest.approx(0.01 * 1.8331, abs=1e-5)  # t(9) at 95%
