"""The verdicts' forest plot and the performance profile: their summaries, by hand."""

import math

import pytest

import analysis
from analysis import figures
from analysis.drawing import NothingToDraw
from analysis.drawing.style import CONCLUSIONS
from analysis.verdicts import verdicts

SPREAD = {1: -0.001, 2: 0.0, 3: 0.001}


def ahead(points, **more):
    """Dense at 90%, others so many points ahead."""

    def final(trial):
        away = 0.0 if trial.method == "dense" else points / 100 + SPREAD[trial.seed]
        return {"test_accuracy": 0.9 + away, "changed": 0.1, **more}

    return final


@pytest.mark.parametrize(
    ("points", "conclusion"), [(0.2, "suggests"), (-0.5, "open"), (-3.0, "speaks against")]
)
def test_rows_are_the_intervals_in_the_style_of_the_verdict(study, record, points, conclusion):
    loaded = analysis.load(record(study(margin=0.5, dataset="cifar10"), ahead(points)))
    summary = figures.summarise("forest", loaded)
    (first, *_) = (v for v in verdicts(loaded) if v.claim.id == "C1-common")
    rows = {head.split()[0]: of_claim for head, of_claim in summary.claims}
    (row, *_) = rows["C1-common"]
    interval = first.decisive.interval
    assert (row.mark.mean, row.mark.low, row.mark.high) == pytest.approx(
        (interval.mean * 100, interval.low * 100, interval.high * 100)
    )
    assert row.mark.method == first.conclusion == conclusion
    assert {one.bound for _, rows in summary.claims for one in rows} == {-0.5}
    assert "n = 3 pairs" in summary.note
    (axes,) = figures.render("forest", summary).figure.axes
    assert axes.get_xlabel() == "difference of test accuracies (points)"
    marks = [
        line for line in axes.lines if line.get_marker() == CONCLUSIONS[first.conclusion].marker
    ]
    drawn = [line for line in marks if line.get_xdata()[0] == pytest.approx(row.mark.mean)]
    assert drawn or abs(row.mark.mean) > summary.view[1]


def test_primary_claims_stand_before_their_secondary_forms(study, record):
    asked = study(margin=0.5, method=["dense", "free-pruning", "free-flipping"])
    summary = figures.summarise("forest", analysis.load(record(asked, ahead(0.2))))
    ids = [head.split()[0] for head, _ in summary.claims]
    assert ids == ["C9", "C1-common", "C1-same-weights"]


@pytest.mark.parametrize("points", [-60, -1])
def test_one_scale_shows_the_bounds_and_arrows_what_is_far(study, record, points):
    summary = figures.summarise("forest", analysis.load(record(study(margin=0.5), ahead(points))))
    low, high = summary.view
    assert -3 < low < -0.5 < 0 < high
    (axes,) = figures.render("forest", summary).figure.axes
    assert axes.get_xscale() == "linear"
    arrows = [line for line in axes.lines if line.get_marker() == "<"]
    assert bool(arrows) == (points == -60)
    assert ("Arrows at an edge" in summary.note) == (points == -60)


def test_without_a_margin_there_are_no_bounds(study, record):
    summary = figures.summarise("forest", analysis.load(record(study(), ahead(0.2))))
    rows = [row for _, of_claim in summary.claims for row in of_claim]
    assert rows
    assert all(math.isnan(row.bound) for row in rows)
    assert figures.render("forest", summary).figure.axes


def test_missing_seeds_are_outlined(study, record):
    uri = record(study(margin=0.5), ahead(0.2), only=lambda trial: trial.seed < 3)
    summary = figures.summarise("forest", analysis.load(uri))
    assert all(row.is_incomplete for _, rows in summary.claims for row in rows)
    assert "Outlined: planned seeds are missing." in summary.note
    (axes,) = figures.render("forest", summary).figure.axes
    (mark, *_) = [line for line in axes.lines if line.get_marker() == "D"]
    assert mark.get_markerfacecolor() != mark.get_markeredgecolor()


def test_what_is_left_out_is_named(study, record):
    loaded = analysis.load(record(study(margin=0.5, method=["dense", "minimal-pruning"]), ahead(0)))
    names = {v.claim.id for v in verdicts(loaded) if v.decisive.criterion.unit != "points"}
    assert names
    note = figures.summarise("forest", loaded).note
    left_out = note[note.index("Not shown: ") :]
    assert all(name in left_out for name in names)


def test_one_seed_has_no_forest(study, record):
    with pytest.raises(NothingToDraw, match="two pairs"):
        figures.summarise("forest", analysis.load(record(study(margin=0.5, seeds=1))))


def test_profile_by_hand(study, record):
    # differences 0.1, 0.2, 0.3 points: above 0.15 lie two of three
    summary = figures.summarise("performance_profile", analysis.load(record(study(), ahead(0.2))))
    above = dict(zip(summary.at.round(6), summary.above["free-pruning"], strict=True))
    assert above[0.2] == pytest.approx(100 / 3)
    assert above[max(above)] == 0
    assert "free-pruning +0.20 (3)" in summary.note
    (axes,) = figures.render("performance_profile", summary).figure.axes
    line = axes.lines[0]
    at = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    steps = [y for x, y in sorted(at.items()) if x <= 0.15]
    assert steps[-1] == pytest.approx(200 / 3)
    assert line.get_drawstyle() == "steps-post"


def test_equal_lines_of_a_profile_stay_visible(study, record):
    asked = study(method=["dense", "free-pruning", "free-flipping"])
    drawing = figures.draw("performance_profile", analysis.load(record(asked, ahead(0.2))))
    first, second = drawing.figure.axes[0].lines[:2]
    assert list(first.get_ydata()) == list(second.get_ydata())
    assert first.get_linewidth() > second.get_linewidth() + 1


def test_profile_counts_the_dead(study, record):
    def final(trial):
        dead = trial.method != "dense" and trial.seed == 1
        return ahead(0.2)(trial) | ({"outcome": "dead"} if dead else {})

    summary = figures.summarise("performance_profile", analysis.load(record(study(), final)))
    assert "Of these trials 1 dead; they count with their accuracy or chance." in summary.note
