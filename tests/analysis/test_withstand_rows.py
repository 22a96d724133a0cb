"""Rows of trials that contradict themselves or each other: none of them may decide."""

import pytest
from withstand_support import final, judge_with, noise

import analysis
from analysis.verdicts import verdicts


@pytest.fixture
def judge(study, record_in, tmp_path):
    """The verdicts on a claim for a study made by hand."""
    return judge_with(study, record_in, tmp_path)


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


def test_a_later_attempt_elsewhere_counts_in_the_place_of_one_that_was_cut_short(
    study, record_in, tmp_path
):
    asked = study(margin=0.5)
    cut = {"outcome": "completed", "last_epoch": 1}
    bad = lambda trial: {"test_accuracy": 0.5, "changed": 0.1, "row": cut}  # noqa: E731
    places = [
        record_in(tmp_path / name, asked, *how) for name, how in (("one", [bad]), ("two", []))
    ]
    results = analysis.load(places)
    assert results.finished == results.planned == 6
    assert results.trials["test_accuracy"].min() > 0.9
    assert len(results.cut_short) == 6
    assert verdicts(results)
