"""The rules between comparisons and verdicts, each by hand on a few numbers."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.paired import Estimate
from analysis.verdicts.aggregation import overall
from analysis.verdicts.cases import _too_short
from analysis.verdicts.claim import Criterion
from analysis.verdicts.comparisons import _possible, with_best_rival
from analysis.verdicts.decisions import _behind
from analysis.verdicts.exploratory import adjusted
from analysis.verdicts.verdict import Comparison

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
        assert _possible(pd.DataFrame({name: values})).tolist() == possible


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


def behind(*distances, methods=None):
    methods = methods or [""] * len(distances)
    return [
        SimpleNamespace(behind=distance, at={"method": method})
        for distance, method in zip(distances, methods, strict=True)
    ]


def test_a_claim_needs_the_rivals_that_lie_least_far_below_their_best():
    three_of_a_sweep = SimpleNamespace(sweep=("density",), enough=3)
    assert _behind(three_of_a_sweep, behind(0.04, 0.01, 0.03, 0.02)) == 0.03
    assert _behind(three_of_a_sweep, behind(0.02, 0.01)) == 0.02  # there are no three
    each_method = SimpleNamespace(sweep=("method", "density"), enough=1)
    assert _behind(each_method, behind(0.04, 0.01, 0.03, 0.02, methods="aabb")) == 0.02
    every_criterion = SimpleNamespace(sweep=(), enough=1)
    assert _behind(every_criterion, behind(0.02, 0.04, 0.01)) == 0.04


def test_exploratory_comparisons_are_corrected_for_the_rate_of_false_claims():
    # in ascending order times 4 / rank: 0.01 * 4, 0.02 * 2, 0.03 * 4 / 3, 1; at most the next one
    given = [SimpleNamespace(p=0.02, p_against=1.0), SimpleNamespace(p=0.03, p_against=0.01)]
    found = adjusted(given)
    assert found[id(given[0])] == pytest.approx({"q": 0.04, "q_against": 1.0})
    assert found[id(given[1])] == pytest.approx({"q": 0.04, "q_against": 0.04})
    assert np.isnan(adjusted([SimpleNamespace(p=math.nan, p_against=1.0)] * 1).popitem()[1]["q"])


def cell(conclusion, p=1.0, p_against=1.0):
    """A confirmatory verdict on one cell."""
    return SimpleNamespace(
        claim=CLAIM,
        method="free-pruning",
        exploratory=(),
        added=False,
        supports=conclusion == "supported",
        opposes=conclusion == "refuted",
        uncorrected=conclusion,
        p=p,
        p_against=p_against,
        planned=15,
        deciding=[],
    )


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
