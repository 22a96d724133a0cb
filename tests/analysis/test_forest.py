"""The verdicts' forest plot and the performance profile, read back from matplotlib's objects."""

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


def drawn(loaded, name="forest"):
    drawing = figures.draw(name, loaded)
    (axes,) = drawing.figure.axes
    return drawing, axes


def bars(axes):
    """Ends of the intervals with the colour, from top to bottom."""
    lines = [
        line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 2.2
    ]
    return [(list(line.get_xdata()), line.get_color()) for line in lines]


@pytest.mark.parametrize(
    ("points", "conclusion"), [(0.2, "suggests"), (-0.5, "open"), (-3.0, "speaks against")]
)
def test_bars_are_the_intervals_in_the_colour_of_the_verdict(study, record, points, conclusion):
    loaded = analysis.load(record(study(margin=0.5, dataset="cifar10"), ahead(points)))
    drawing, axes = drawn(loaded)
    (first, *_) = (v for v in verdicts(loaded) if v.claim.id == "C1-authors")
    ends, colour = bars(axes)[0]
    assert ends == pytest.approx(
        [first.decisive.interval.low * 100, first.decisive.interval.high * 100]
    )
    assert colour == CONCLUSIONS[conclusion].colour
    bounds = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert set(bounds) == {-0.5}
    assert "n = 3 pairs" in drawing.note
    assert axes.get_xlabel() == "difference of test accuracies (points)"


def test_primary_claims_stand_before_their_secondary_forms(study, record):
    methods = ["dense", "free-pruning", "free-flipping"]
    _, axes = drawn(analysis.load(record(study(margin=0.5, method=methods), ahead(0.2))))
    heads = [text.get_text().split()[0] for text in axes.texts]
    assert heads == ["C9", "C11", "C1-authors", "C1-common", "C1-same-weights"]


def test_differences_of_many_points_leave_the_bounds_apart_from_zero(study, record):
    drawing, axes = drawn(analysis.load(record(study(margin=0.5), ahead(-60))))
    assert axes.get_xscale() == "symlog"
    assert "Linear up to 1 point, logarithmic beyond." in drawing.note
    other = study(margin=0.5).model_copy(update={"name": "other"})
    _, axes = drawn(analysis.load(record(other, ahead(-1))))
    assert axes.get_xscale() == "linear"


def test_without_a_margin_there_are_no_bounds(study, record):
    _, axes = drawn(analysis.load(record(study(), ahead(0.2))))
    assert len(bars(axes)) == 3
    assert axes.get_xscale() == "linear"


def test_one_seed_has_no_forest(study, record):
    with pytest.raises(NothingToDraw, match="two pairs"):
        figures.draw("forest", analysis.load(record(study(margin=0.5, seeds=1))))


def test_profile_by_hand(study, record):
    # differences 0.1, 0.2, 0.3 points: above 0.15 lie two of three
    drawing, axes = drawn(analysis.load(record(study(), ahead(0.2))), "performance_profile")
    line = next(line for line in axes.lines if len(line.get_xdata()) > 100)
    at = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    near = min(at, key=lambda x: abs(x - 0.15))
    assert at[near] == pytest.approx(200 / 3)
    assert at[max(at)] == 0
    assert "free-pruning +0.20 (3)" in drawing.note


def test_profile_tells_the_dead(study, record):
    def final(trial):
        dead = trial.method != "dense" and trial.seed == 1
        return ahead(0.2)(trial) | ({"outcome": "dead"} if dead else {})

    drawing, _ = drawn(analysis.load(record(study(), final)), "performance_profile")
    assert "Of these trials 1 dead; they count with their accuracy or chance." in drawing.note
