"""The sentences at the top of the page."""

import string

import pytest

import analysis
from analysis.report.answers import _WORDS, Answer, answers
from analysis.verdicts import verdicts
from analysis.verdicts.claims import every_claim


def of(results) -> dict[str, Answer]:
    return {answer.claim: answer for answer in answers(results, verdicts(results))}


def test_every_claim_of_ours_has_words_with_known_places():
    known = {"who", "rival", "margin", "places"}
    for claim in every_claim():
        words = _WORDS.get(claim.id) or _WORDS[claim.name]
        for text in (words.holds, words.fails, words.asks):
            assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= known


def test_what_is_not_judged_says_why_and_counts_no_seeds(study, record):
    quick = {"test_accuracy": 0.95, "changed": 0.1, "row": {"seconds": 1.5}}
    results = analysis.load(record(study(method=["dense", "free-pruning"]), lambda trial: quick))
    answer = of(results)["C5-time"]
    assert answer.sentence.startswith(
        "On lenet-300-100/digits: not judged for free pruning: epochs of "
    )
    assert "too short" in answer.sentence


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        (
            {0.0: 0.95, 0.1: 0.95, 0.25: 0.95, 0.5: 0.95},
            "no other fraction of scores that start at or below zero beat",
        ),
        (
            {0.0: 0.90, 0.1: 0.92, 0.25: 0.95, 0.5: 0.92},
            "another fraction of scores that start at or below zero beat",
        ),
    ],
)
def test_the_hidden_threshold_in_words(study, record, offsets, expected):
    def final(trial):
        accuracy = offsets[trial.score_offset] + trial.seed / 1000
        return {"test_accuracy": accuracy, "changed": 0.3}

    grids = [{"method": "free-pruning", "score_offset": list(offsets)}]
    planned = study(margin=0.5, method="dense", grids=grids)
    answer = of(analysis.load(record(planned, final)))["C8-offset"]
    assert expected in answer.sentence
