"""By hand, by listing all signs, against scipy; ties."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analysis.statistics import permutation
from analysis.statistics.permutation import sign_flip

IMAGES = st.lists(st.integers(-20, 20), min_size=2, max_size=8)


def test_by_hand():
    # sums of +-1 +-2 +-3: 6, 4, 2, 0, 0, -2, -4, -6; observed 6, the largest of eight
    assert sign_flip([1, 2, 3]) == 1 / 8
    # observed -1 + 2 + 3 = 4: 6 and 4
    assert sign_flip([-1, 2, 3]) == 2 / 8
    # observed 1 + 2 - 3 = 0: 6, 4, 2, 0, 0
    assert sign_flip([1, 2, -3]) == 5 / 8
    # observed -6, the smallest of eight
    assert sign_flip([-1, -2, -3]) == 1


def test_the_bound_is_subtracted():
    # non-inferiority: differences -0.001, 0, 0.001 and margin 0.002 are 0.001, 0.002, 0.003
    assert sign_flip([-0.001, 0, 0.001], -0.002) == 1 / 8


def test_equal_values_are_no_problem():
    # margin above 15 equal differences: only the identity has the largest sum
    assert sign_flip(np.zeros(15), -0.002) == 2**-15
    # nothing but zeros: all patterns are the same
    assert sign_flip(np.zeros(15)) == 1


def test_sums_that_differ_by_rounding_alone_are_equal():
    # 1, 2, -3 images of 10,000, as differences of accuracies: sums 0 and 0 must count both
    values = [0.9007 - 0.9006, 0.9058 - 0.9056, 0.9003 - 0.9006]
    assert sum(values) != 0
    assert sign_flip(values) == 5 / 8
    assert sign_flip([-value for value in values[::-1]]) == 5 / 8


@pytest.mark.parametrize("values", [[], [0.5], [0.5, math.nan], [0.5, math.inf]])
def test_no_p_value(values):
    assert math.isnan(sign_flip(values))


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="one-dimensional"):
        sign_flip([[1, 2]])


@given(IMAGES, st.integers(-20, 20), st.randoms(use_true_random=False))
def test_all_signs_listed_in_whole_numbers(images, bound, shuffled):
    centred = [image - bound for image in images]
    sums = [
        sum(sign * value for sign, value in zip(signs, centred, strict=True))
        for signs in product((1, -1), repeat=len(centred))
    ]
    above = sum(other >= sum(centred) for other in sums) / len(sums)
    below = sum(other <= sum(centred) for other in sums) / len(sums)
    shuffled.shuffle(images)
    values = np.array(images) / 10_000
    assert sign_flip(values, bound / 10_000) == above
    assert sign_flip(-values, -bound / 10_000) == below


def test_scipy_gives_the_same():
    values = np.random.default_rng(1).normal(0.3, 1, 11)
    other = stats.permutation_test(
        (values,),
        lambda sample, axis: sample.mean(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
        alternative="greater",
    )
    assert sign_flip(values) == other.pvalue


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(values, shuffled):
    expected = sign_flip(values)
    shuffled.shuffle(values)
    assert sign_flip(values) == expected
    assert expected * 2 ** len(values) == round(expected * 2 ** len(values)) >= 1


def test_many_values_take_random_flips():
    values = np.random.default_rng(2).normal(0.2, 1, permutation.EXACT + 1)
    found = sign_flip(values)
    np.random.seed(3)
    assert sign_flip(values[::-1]) == found
    # the same flips would be counted exactly with a higher limit; three standard errors apart
    sums = permutation._all_sums(values)
    exact = (sums >= values.sum()).mean()
    error = math.sqrt(exact * (1 - exact) / permutation.DRAWS)
    assert found == pytest.approx(exact, abs=3 * error)


def test_random_flips_never_give_zero():
    assert sign_flip(np.ones(40)) == 1 / (permutation.DRAWS + 1)
    assert sign_flip(-np.ones(40)) == 1
    assert sign_flip(np.zeros(40)) == 1  # every pattern ties
