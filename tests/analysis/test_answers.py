"""The sentences at the top of the page."""

import string

import numpy as np
import pytest

import analysis
from analysis.report.answers import _WORDS, Answer, answers
from analysis.verdicts import verdicts
from analysis.verdicts.claims import every_claim


def of(results) -> dict[str, Answer]:
    return {answer.claim: answer for answer in answers(verdicts(results))}


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
            {0.0: 0.97, 0.1: 0.97, 0.25: 0.97, 0.5: 0.97},
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


def ahead_by(points):
    """All methods but dense so many points ahead of it, with a little noise."""

    def final(trial):
        noise = 0.0005 * np.random.default_rng(int(trial.trial_id, 16)).normal()
        return {
            "test_accuracy": 0.9 + (trial.method != "dense") * points / 100 + noise,
            "changed": 0.1,
        }

    return final


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (0.0, "the results suggest that free pruning came within 0.5 points of dense training"),
        (
            -3.0,
            "the results suggest that free pruning fell short of dense training by more than 0.5 "
            "points",
        ),
        (-0.5, "it is open whether dense training beats free pruning by more than 0.5 points"),
    ],
)
def test_a_sentence_says_what_its_verdict_says(study, record, points, sentence):
    results = analysis.load(record(study(margin=0.5, dataset="cifar10"), ahead_by(points)))
    assert of(results)["C1-common"].sentence == f"On lenet-300-100/cifar10, 3 seeds: {sentence}."


def test_a_confirmatory_sentence_claims_and_denies(study, record):
    given = {"margin": 1.0, "dataset": "cifar10", "method": "dense"}
    grids = [{"method": ["free-pruning", "free-flipping"]}, {"network": "linear"}]

    def run(seeds, worse):
        def final(trial):
            behind = worse * (trial.method == "free-flipping") / 100
            floor = 0.3 * (trial.network == "linear")
            return {
                "test_accuracy": ahead_by(0)(trial)["test_accuracy"] - behind - floor,
                "changed": 0.1,
            }

        asked = study(grids=grids, seeds=seeds, **given).model_copy(update={"name": f"s{seeds}"})
        return of(analysis.load(record(asked, final)))["C9"]

    place = "On lenet-300-100/cifar10, 15 seeds: "
    supported, refuted = run("1-15", 0.0), run("16-30", 5.0)
    assert supported.conclusions == ("supported",)
    assert supported.sentence == (
        f"{place}free flipping did at least as well as free pruning, to within 1 point."
    )
    assert refuted.conclusions == ("refuted",)
    assert (
        refuted.sentence == f"{place}free flipping fell short of free pruning by more than 1 point."
    )


def test_cells_with_margins_of_their_own_keep_them_and_are_counted(study, record):
    uris = [
        record(
            study(
                margin=margin, dataset=data, method=["free-pruning", "free-flipping"], seeds=5
            ).model_copy(update={"name": data}),
            ahead_by(0.0),
        )
        for margin, data in ((0.5, "kmnist"), (1.0, "cifar10"))
    ]
    sentence = of(analysis.load(uris))["C9"].sentence
    assert sentence.startswith("On 2 tasks, 5 seeds: the results suggest that free flipping did")
    assert sentence.endswith("to within 0.5 or 1 points in both cells.")


def test_cells_that_were_added_later_are_named_as_such(study, record):
    given = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense"}
    first = [{"method": ["free-pruning", "free-flipping"]}, {"network": "linear"}]
    more = [*first, {**first[0], "epochs": 4}]

    def final(trial):
        behind = 0.05 * (trial.method == "free-flipping" and trial.epochs == 4)
        floor = 0.3 * (trial.network == "linear")
        return {
            "test_accuracy": ahead_by(0)(trial)["test_accuracy"] - behind - floor,
            "changed": 0.1,
        }

    record(study(grids=first, **given), final)
    answer = of(analysis.load(record(study(grids=more, **given), final)))["C9"]
    assert answer.conclusions == ("refuted",)
    assert answer.sentence.endswith("by more than 0.5 points in 1 cell added later.")
