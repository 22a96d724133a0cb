"""Overlap of masks: by hand, by enumeration, and what has to hold of any masks."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.overlap import counts, expected_jaccard, overlap

LAYERS = st.lists(st.integers(1, 40), min_size=1, max_size=3)


def _draw(seed, sizes):
    """Two masks of layers of these sizes, each layer with a density of its own."""
    rng = np.random.default_rng(seed)
    return [
        [rng.random(size) < rng.random() for size in sizes],
        [rng.random(size) < rng.random() for size in sizes],
    ]


def _of(first, second):
    return overlap([counts(a, b) for a, b in zip(first, second, strict=True)])


def test_by_hand():
    # of 3 connections one each: the same one with chance 1/3, so J is 1 or 0, on average 1/3
    assert expected_jaccard([3, 1, 1]) == pytest.approx(1 / 3)
    assert overlap([3, 1, 1, 1]).corrected == pytest.approx(1)
    assert overlap([3, 1, 1, 0]).corrected == pytest.approx((0 - 1 / 3) / (2 / 3))
    # of 4 two each: both with chance 1/6 (J = 1), one with 4/6 (J = 1/3), none with 1/6 (J = 0)
    found = overlap([4, 2, 2, 1])
    assert found.jaccard == pytest.approx(1 / 3)
    assert found.chance == pytest.approx(1 / 6 + 4 / 6 / 3)
    assert found.corrected == pytest.approx((1 / 3 - 7 / 18) / (11 / 18))


def test_two_layers_by_hand():
    # a layer of 2 and one of 3 with one each in both sets: k is 0, 1 or 2, J = k / (4 - k)
    none, two = 1 / 2 * 2 / 3, 1 / 2 * 1 / 3
    expected = (1 - none - two) / 3 + two * 1
    assert expected_jaccard([[2, 1, 1], [3, 1, 1]]) == pytest.approx(expected)


def test_layers_of_unequal_density_are_not_overlap():
    # each mask changes all of one layer and none of the other: chance knows
    assert overlap([[50, 50, 50, 50], [50, 1, 1, 0]]).corrected < 0
    assert overlap([100, 51, 51, 50]).corrected > 0.9


@pytest.mark.parametrize("sizes", [(5, 2, 3), (6, 5, 4), (4, 4, 1)])
def test_the_expectation_is_that_over_all_placements(sizes):
    total, one, other = sizes
    fixed = set(range(one))
    every = [set(placed) for placed in itertools.combinations(range(total), other)]
    mean = np.mean([len(fixed & placed) / len(fixed | placed) for placed in every])
    assert expected_jaccard(sizes) == pytest.approx(mean)


def test_what_cannot_be_chosen():
    assert math.isnan(overlap([9, 0, 0, 0]).jaccard)
    assert math.isnan(overlap([9, 0, 0, 0]).corrected)
    assert math.isnan(overlap([9, 9, 9, 9]).corrected)
    assert overlap([9, 9, 9, 9]).jaccard == overlap([9, 9, 9, 9]).chance == 1
    assert overlap([9, 0, 4, 0]).jaccard == overlap([9, 0, 4, 0]).chance == 0
    assert math.isnan(overlap([9, 0, 4, 0]).corrected)
    assert math.isnan(overlap([9, 9, 4, 4]).corrected)
    # one layer without a choice takes nothing from the other
    assert overlap([[9, 9, 9, 9], [8, 2, 2, 2]]).corrected == pytest.approx(1)


def test_masks_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="shape"):
        counts(np.ones(3, bool), np.ones(4, bool))


@given(seed=st.integers(0, 2**32), sizes=LAYERS)
def test_a_mask_overlaps_wholly_with_itself(seed, sizes):
    mask, _ = _draw(seed, sizes)
    found = _of(mask, mask)
    assert math.isnan(found.corrected) or found.corrected == pytest.approx(1)


@given(seed=st.integers(0, 2**32), sizes=LAYERS)
def test_the_order_of_masks_and_of_connections_says_nothing(seed, sizes):
    first, second = _draw(seed, sizes)
    found = _of(first, second)
    orders = [np.random.default_rng(seed).permutation(size) for size in sizes]
    moved = [
        [layer[order] for layer, order in zip(mask, orders, strict=True)]
        for mask in (first, second)
    ]
    for other in (_of(second, first), _of(*moved)):
        assert other.corrected == pytest.approx(found.corrected, nan_ok=True)
        assert other.jaccard == pytest.approx(found.jaccard, nan_ok=True)
    assert not found.corrected > 1 + 1e-9


def test_independent_masks_overlap_by_nothing_on_average():
    rng = np.random.default_rng(7)
    densities = (0.05, 0.4, 0.9)
    found = []
    for _ in range(300):
        first, second = ([rng.random(200) < p for p in densities] for _ in range(2))
        found.append(_of(first, second).corrected)
    error = np.std(found) / math.sqrt(len(found))
    assert abs(np.mean(found)) < 4 * error
    assert error < 0.01


def test_a_layer_of_a_million_connections_has_the_expectation_of_its_mean():
    # the count is so sure there that the expectation of the ratio is the ratio of expectations
    mean = 300_000 * 400_000 / 1_000_000
    expected = mean / (700_000 - mean)
    assert expected_jaccard([1_000_000, 300_000, 400_000]) == pytest.approx(expected, rel=1e-5)
