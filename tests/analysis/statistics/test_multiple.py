"""By hand, against scipy, and what an adjustment may do."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.statistics.multiple import benjamini_hochberg, holm, intersection_union

ALL = (intersection_union, holm, benjamini_hochberg)


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def test_intersection_union_by_hand():
    assert intersection_union([0.01, 0.04, 0.03]) == 0.04


def test_holm_by_hand():
    # in order 0.01, 0.02, 0.04, 0.5: times 4, 3, 2, 1 = 0.04, 0.06, 0.08, 0.5; rising already
    assert holm([0.5, 0.01, 0.04, 0.02]) == pytest.approx([0.5, 0.04, 0.08, 0.06])
    # 0.01, 0.04, 0.045: times 3, 2, 1 = 0.03, 0.08, 0.045; the last takes over 0.08
    assert holm([0.045, 0.04, 0.01]) == pytest.approx([0.08, 0.08, 0.03])


def test_benjamini_hochberg_by_hand():
    # in order 0.01, 0.02, 0.04, 0.5: times 4 / rank = 0.04, 0.04, 0.0533, 0.5
    expected = [0.5, 0.04, 0.04 * 4 / 3, 0.04]
    assert benjamini_hochberg([0.5, 0.01, 0.04, 0.02]) == pytest.approx(expected)


def test_nan_is_not_counted_but_fails_a_claim_about_all():
    assert math.isnan(intersection_union([0.01, math.nan]))
    for adjust in (holm, benjamini_hochberg):
        found = adjust([0.01, math.nan, 0.04])
        assert math.isnan(found[1])
        assert found[[0, 2]].tolist() == adjust([0.01, 0.04]).tolist()
        assert np.isnan(adjust([math.nan, math.nan])).all()


def test_no_test_at_all():
    assert math.isnan(intersection_union([]))
    assert holm([]).shape == benjamini_hochberg([]).shape == (0,)


@pytest.mark.parametrize("function", ALL)
def test_mistakes_are_refused(function):
    for wrong in ([0.5, 1.1], [-0.1, math.nan]):
        with pytest.raises(ValueError, match="p-values must lie within 0 to 1"):
            function(wrong)
    with pytest.raises(ValueError, match="p must be one-dimensional"):
        function([[0.1, 0.2]])


@given(P_VALUES)
def test_against_another_way(p):
    assert intersection_union(p) == max(p)
    expected = stats.false_discovery_control(p, method="bh")
    assert benjamini_hochberg(p) == pytest.approx(expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gc.collect", lambda: 0)  # statsmodels collects garbage, 0.1 s in every call
        for adjust, method in ((holm, "holm"), (benjamini_hochberg, "fdr_bh")):
            assert adjust(p) == pytest.approx(multipletests(p, method=method)[1])
    # Holm step by step: at level a, go through the sorted p while they are below a / remaining
    adjusted = holm(p)
    for level in (0.01, 0.05, 0.2):
        claimed = 0
        for value in sorted(p):
            if value * (len(p) - claimed) > level:
                break
            claimed += 1
        assert (adjusted <= level).sum() == claimed


@given(P_VALUES, st.randoms(use_true_random=False))
def test_what_an_adjustment_may_do(p, shuffled):
    raw, order = np.array(p), list(range(len(p)))
    shuffled.shuffle(order)
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(raw)
        assert (adjusted >= raw).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(raw)]) >= -1e-15).all()
        assert adjust(raw[order]) == pytest.approx(adjusted[order])
    assert (benjamini_hochberg(raw) <= holm(raw) + 1e-15).all()
    assert holm(raw).max() >= intersection_union(raw)


def test_what_takes_a_second_to_import_is_imported_late():
    code = (
        "import sys, analysis, analysis.verdicts.formatting, analysis.verdicts.power_analysis; "
        "print(*{'statsmodels', 'scipy.stats', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n")
