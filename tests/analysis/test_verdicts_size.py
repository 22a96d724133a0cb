"""The claims that need live and connected connections: decided where these are recorded."""

import math

import pytest

import analysis
from analysis.verdicts import untested, verdicts
from analysis.verdicts.claims import CLAIMS
from analysis.verdicts.formatting import bound, effect

SIZE = ["C2-live", "C10-left", "C10-longer", "C10-offset"]
TOTAL = (19_200, 30_000, 1_000)


def _final(left=0.5, changed_of_live=0.05):
    """Final figures; `left` may depend on the trial, a share of all connections."""

    def final(trial):
        share = left(trial) if callable(left) else left
        share += 0.002 * (trial.seed - 2)
        of_live = changed_of_live + 0.001 * (trial.seed - 2)
        live = [round(0.8 * share * n) for n in TOTAL]
        return {
            "test_accuracy": 0.95 + 0.001 * (trial.seed % 3) * (trial.method != "dense"),
            "changed": 0.08,
            "layers": {
                "connected": tuple(round(share * n) for n in TOTAL),
                "live": tuple(live),
                "live_changed": tuple(round(of_live * n) for n in live),
            },
        }

    return final


@pytest.fixture
def judge(study, record):
    def run(final, claim, only=lambda trial: True, **given):
        loaded = analysis.load(record(study(margin=0.5, dataset="cifar10", **given), final, only))
        return verdicts(loaded, tuple(one for one in CLAIMS if one.id == claim))

    return run


MINIMAL = {"method": ["dense", "minimal-pruning"]}


@pytest.mark.parametrize(("changed", "conclusion"), [(0.05, "supported"), (0.2, "refuted")])
def test_changed_among_the_live_connections(judge, changed, conclusion):
    (verdict,) = judge(_final(changed_of_live=changed), "C2-live", **MINIMAL)
    assert verdict.uncorrected == conclusion
    (live, accuracy) = verdict.comparisons
    assert live.interval.mean == pytest.approx(changed, abs=1e-3)
    assert accuracy.criterion.share == 0.9


def test_without_such_columns_it_is_not_tested(results, study, record):
    assert {*SIZE} <= {claim.id for claim in untested(verdicts(results))}
    older = analysis.load(record(study(margin=0.5, width=[1, 2])))
    found = {verdict.claim.id: verdict for verdict in verdicts(older)}
    assert not {*SIZE} & {*found}
    assert len(found["C10"].comparisons) == 1  # accuracy, and nothing beside


def test_a_seed_that_is_not_finished_leaves_it_undecided(judge):
    (verdict,) = judge(_final(), "C2-live", only=lambda trial: trial.seed < 3, **MINIMAL)
    assert (verdict.uncorrected, verdict.reason) == ("undecided", "n = 2, 3 planned")


def test_wider_networks_keep_a_smaller_share_and_more_connections(judge):
    final = _final(left=lambda trial: 0.5 / trial.width**0.5 + 0.001 * trial.seed * trial.width)
    given = {"method": "free-pruning", "width": [1, 4]}
    (verdict,) = judge(final, "C10-left", **given)
    assert verdict.uncorrected == "supported"
    (one,) = verdict.comparisons
    assert one.interval.mean == pytest.approx(-0.25 + 0.006, abs=1e-4)
    assert effect(one).startswith("\N{MINUS SIGN}24.4 [")
    (verdict,) = judge(final, "C10", **given)
    accuracy, left = verdict.comparisons
    assert accuracy.criterion.decides
    # the made-up layers are of the same size at every width
    assert math.exp(left.interval.mean) == pytest.approx(0.508 / 1.004, abs=0.01)
    assert bound(left) == "> 1.00"


def test_longer_trainings_are_held_against_the_shortest(judge):
    final = _final(left=lambda trial: 0.5 - 0.01 * trial.epochs - 0.001 * trial.seed * trial.epochs)
    found = judge(final, "C10-longer", method="free-pruning", epochs=[1, 2, 4])
    assert [(v.cell["epochs"], v.uncorrected) for v in found] == [
        (2, "supported"),
        (4, "supported"),
    ]
    assert found[1].decisive.interval.mean == pytest.approx(-0.036, abs=1e-4)


def test_the_offset_is_shown_beside_the_accuracy_and_decided_apart(judge):
    final = _final(left=lambda trial: 0.5 - (0.1 + 0.01 * trial.seed) * trial.score_offset)
    given = {"method": "free-pruning", "score_offset": [0.0, 0.1, 0.3, 0.5]}
    (verdict,) = judge(final, "C10-offset", **given)
    assert verdict.uncorrected == "supported"
    assert [one.at["score_offset"] for one in verdict.comparisons] == [0.1, 0.3, 0.5]
    (verdict,) = judge(final, "C8-offset", **given)
    assert len(verdict.deciding) == 3
    beside = [one for one in verdict.comparisons if not one.criterion.decides]
    assert [one.criterion.value for one in beside] == ["changed"] * 3 + ["connected_share"] * 3


def test_controls_are_no_arms_of_a_claim(study, record):
    asked = study(margin=0.5, labels=["given", "permuted"], order_seed=[-1, 101])
    found = verdicts(analysis.load(record(asked)))
    assert found
    assert {(v.cell["labels"], v.cell["order_seed"]) for v in found} == {("given", -1)}
