"""By hand, against a bootstrap with plain loops, and what the seed decides."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as other_mcnemar

from analysis.statistics import resampling
from analysis.statistics.paired import Interval
from analysis.statistics.resampling import bca, mcnemar, seeds_by_images

VALUES = np.random.default_rng(1).normal(0.01, 0.02, 15)


def _pair(seeds: int, images: int, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    right = np.random.default_rng(seed).random((2, seeds, images)) < 0.9
    return right[0], right[1]


def _by_values(seed: int) -> Interval:
    return bca(VALUES, seed=seed, draws=999)


def _by_images(seed: int) -> Interval:
    return seeds_by_images(*_pair(5, 40), seed=seed, draws=999)


BOTH = pytest.mark.parametrize("found", [_by_values, _by_images])


@BOTH
def test_the_same_seed_gives_the_same_bits(found: Callable[[int], Interval]):
    np.random.seed(1)
    first = found(7)
    np.random.seed(2)
    np.random.random(3)
    _by_values(8)
    _by_images(8)
    assert found(7) == first
    resampling._block.cache_clear()
    assert found(7) == first


@BOTH
def test_another_seed_gives_another_interval(found: Callable[[int], Interval]):
    bounds = {(found(seed).low, found(seed).high) for seed in range(5)}
    assert len(bounds) > 1
    assert {found(seed).mean for seed in range(5)} == {found(0).mean}


@BOTH
def test_global_random_numbers_are_left_alone(found: Callable[[int], Interval]):
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    found(7)
    assert np.random.random() == expected


def test_literal_bounds():
    # what a report has printed must not move: numpy keeps PCG64's integers stable
    found = seeds_by_images(*_pair(7, 300), share=0.9, seed=7, draws=999)
    literal = (0.088428571429, 0.066685714286, 0.109957142857)
    assert (found.mean, found.low, found.high) == pytest.approx(literal, abs=1e-11)


def test_bca_of_two_values_lies_between_them():
    found = bca([0.0, 1.0], seed=1, draws=999)
    assert found.mean == 0.5
    assert 0 <= found.low < found.high <= 1


def test_bca_against_its_formula():
    # Efron & Tibshirani 1993, section 14.3, from the definition
    rng = np.random.Generator(np.random.PCG64(3))
    means = VALUES[rng.integers(0, 15, (20_000, 15))].mean(1)
    bias = stats.norm.ppf((means < VALUES.mean()).mean())
    left = np.array([np.delete(VALUES, i).mean() for i in range(15)])
    skew = left.mean() - left
    speed = (skew**3).sum() / (6 * (skew**2).sum() ** 1.5)
    z = bias + stats.norm.ppf([0.025, 0.975])
    bounds = np.quantile(means, stats.norm.cdf(bias + z / (1 - speed * z)))
    found = bca(VALUES, seed=4, draws=20_000)
    # the quantiles of 20,000 means are off by some 2% of the width
    assert (found.low, found.high) == pytest.approx(bounds, abs=0.02 * np.ptp(bounds))


def test_bca_of_another_statistic():
    found = bca(VALUES, lambda sample: np.median(sample), seed=1, draws=499)
    assert found.mean == np.median(VALUES)
    assert found.low <= found.mean <= found.high
    assert found == bca(VALUES, np.median, seed=1, draws=499)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, math.nan], [0.1] * 5])
def test_bca_has_no_bounds(values):
    found = bca(values, seed=1, draws=99)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.n == len(values)


def test_a_statistic_that_never_varies_has_no_bounds():
    found = bca(VALUES, lambda sample: 0.5, seed=1, draws=99)
    assert found.mean == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-5, 5), min_size=2, max_size=6))
def test_bca_never_fails(images):
    found = bca(np.array(images) / 10_000, np.median, seed=1, draws=99)
    assert math.isnan(found.low) or found.low <= found.high


def test_all_draws_of_two_by_two_by_hand():
    # arm - reference = [[1, 0], [0, 0]]: the mean is (times seed 0) * (times image 0) / 4, each
    # 0, 1, 2 with probability 1/4, 1/2, 1/4: 0 with 7/16, 1/4 and 1/2 with 1/4, 1 with 1/16
    arm, reference = np.array([[True, False], [False, False]]), np.zeros((2, 2), bool)
    found = seeds_by_images(arm, reference, seed=1, level=0.9, draws=4000)
    assert found == Interval(0.25, 0.0, 1.0, 2)
    # 1/16 of all draws lie above 1/2, so the 90% point is 1/2 and the 95% point 1
    assert seeds_by_images(arm, reference, seed=1, level=0.8, draws=4000).high == 0.5


def test_a_share_by_hand():
    # arm right in 3 of 4, reference in 2 of 4: 0.75 - 0.9 * 0.5 = 0.3
    arm = np.array([[True, True], [True, False]])
    reference = np.array([[True, False], [True, False]])
    assert seeds_by_images(arm, reference, share=0.9, seed=1).mean == pytest.approx(0.3)
    nothing = seeds_by_images(arm, reference, share=0, seed=1)
    assert nothing.mean == 0.75


def test_against_plain_loops():
    arm, reference = _pair(6, 50)
    differences = arm - 0.9 * reference
    rng = np.random.default_rng(3)
    means = [
        differences[rng.integers(0, 6, 6)][:, rng.integers(0, 50, 50)].mean() for _ in range(8000)
    ]
    bounds = np.quantile(means, [0.05, 0.95])
    found = seeds_by_images(arm, reference, share=0.9, seed=4, draws=8000)
    assert (found.low, found.high) == pytest.approx(bounds, abs=0.03 * np.ptp(bounds))


def test_without_differences_between_seeds_the_images_remain():
    # every seed alike: the bootstrap of one trial's images, a normal interval to good accuracy
    arm = np.tile(np.random.default_rng(4).random(2000) < 0.8, (4, 1))
    found = seeds_by_images(arm, np.zeros_like(arm), seed=5, draws=4000)
    half = 1.645 * arm.std() / math.sqrt(2000)
    assert (found.low, found.high) == pytest.approx(
        (found.mean - half, found.mean + half), abs=0.1 * half
    )


def test_without_differences_between_images_the_seeds_remain():
    arm = np.repeat(np.random.default_rng(4).random((200, 1)) < 0.8, 30, axis=1)
    found = seeds_by_images(arm, np.zeros_like(arm), seed=5, draws=4000)
    half = 1.645 * arm[:, 0].std() / math.sqrt(200)
    assert (found.low, found.high) == pytest.approx(
        (found.mean - half, found.mean + half), abs=0.12 * half
    )


def test_both_arms_swapped_is_the_interval_mirrored():
    arm, reference = _pair(5, 40)
    found = seeds_by_images(arm, reference, seed=1)
    mirrored = seeds_by_images(reference, arm, seed=1)
    assert (found.low, found.high) == pytest.approx((-mirrored.high, -mirrored.low), abs=1e-12)


def test_fewer_draws_are_the_first_of_more():
    images = 30_000  # more than one block: 139 rows each
    most = np.concatenate(list(resampling._image_weights(images, 300, 1)))
    assert most.shape == (300, images)
    assert (most.sum(axis=1, dtype=int) == images).all()
    few = np.concatenate(list(resampling._image_weights(images, 10, 1)))
    assert (most[:10] == few).all()
    assert len(np.unique(most[:, 0])) > 1


def test_weights_are_kept_read_only_and_bounded():
    block = next(resampling._image_weights(10_000, 2000, 1))
    assert not block.flags.writeable
    assert block.nbytes <= resampling.BLOCK
    assert resampling.BLOCK * resampling.KEPT <= 2**20 * 100
    assert resampling._block.cache_info().maxsize == resampling.KEPT


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (5, 1), (5, 0)])
def test_too_few_seeds_or_images(shape):
    arm = np.ones(shape, bool)
    arm[:, ::2] = False
    found = seeds_by_images(arm, np.zeros(shape, bool), seed=1)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.n == shape[0]


def test_arms_that_agree_have_no_interval():
    arm, _ = _pair(5, 40)
    found = seeds_by_images(arm, arm, seed=1)
    assert found.mean == 0
    assert math.isnan(found.low)


def test_mistakes_are_refused():
    arm, reference = _pair(5, 40)
    with pytest.raises(ValueError, match="shape"):
        seeds_by_images(arm, reference[:, :30], seed=1)
    with pytest.raises(ValueError, match="reference must be bool"):
        seeds_by_images(arm, reference.astype(float), seed=1)
    with pytest.raises(ValueError, match="arm must be bool with 2"):
        seeds_by_images(arm[0], reference[0], seed=1)
    with pytest.raises(ValueError, match="share"):
        seeds_by_images(arm, reference, share=-1, seed=1)
    with pytest.raises(ValueError, match="level"):
        seeds_by_images(arm, reference, level=90, seed=1)
    with pytest.raises(ValueError, match="level"):
        bca(VALUES, level=95, seed=1)
    with pytest.raises(ValueError, match="one-dimensional"):
        bca([[0.1, 0.2]], seed=1)


def test_mcnemar_by_hand():
    # 5 images only the arm has right, none only the reference: 2 * (1/2)^5
    arm = np.array([True] * 7 + [False] * 3)
    reference = np.array([False] * 5 + [True] * 2 + [False] * 3)
    assert mcnemar(arm, reference) == pytest.approx(2 / 32)
    assert mcnemar(reference, arm) == pytest.approx(2 / 32)
    # 3 against 1: (1 + 4) * 2 / 16
    assert mcnemar([True] * 3 + [False], [False] * 3 + [True]) == pytest.approx(10 / 16)
    # 1 against 1
    assert mcnemar([True, False], [False, True]) == 1


def test_mcnemar_of_equal_trials_is_one():
    assert mcnemar([True, False, True], [True, False, True]) == 1
    assert math.isnan(mcnemar(np.zeros(0, bool), np.zeros(0, bool)))


def test_mcnemar_refuses_mistakes():
    with pytest.raises(ValueError, match="shape"):
        mcnemar([True, False], [True])
    with pytest.raises(ValueError, match="arm must be bool with 1"):
        mcnemar(*_pair(2, 3))
    with pytest.raises(ValueError, match="reference must be bool"):
        mcnemar([True, False], [1, 0])


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 5))
def test_statsmodels_gives_the_same(better, worse, agreed):
    arm = np.repeat([True, False, True], [better, worse, agreed + 1])
    reference = np.repeat([False, True, True], [better, worse, agreed + 1])
    expected = other_mcnemar([[agreed + 1, better], [worse, 0]], exact=True).pvalue
    assert mcnemar(arm, reference) == pytest.approx(float(expected))
