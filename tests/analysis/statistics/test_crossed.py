"""Seeds and images in one standard error: by hand, and what must hold whatever the data."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.crossed import mean_squares, of_seeds_and_images
from analysis.statistics.paired import Estimate, of_values

#: Correctness of two trials of each of S seeds on N images, as whole numbers: bit 0, bit 1.
PAIRS = st.tuples(st.integers(2, 6), st.integers(2, 12)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 3), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    )
)


def right(*rows: list[int]) -> np.ndarray:
    return np.array(rows, bool)


def estimate(arm: np.ndarray, reference: np.ndarray, share: float = 1.0) -> Estimate:
    recorded = arm.mean(axis=1) - share * reference.mean(axis=1)
    return of_seeds_and_images(recorded, arm, reference, share=share)


def test_by_hand():
    # d = 1 1 0 0 and 1 0 0 0: seed means 1/2 and 1/4, grand mean 3/8, image means 1, 1/2, 0, 0.
    # MS_seed = 4 * 2 * (1/8)^2 = 1/8; MS_image = 2 * 0.6875 / 3 = 0.458333; all squares 1.875, so
    # MS_residual = (1.875 - 0.125 - 1.375) / 3 = 1/8.
    arm, nothing = right([1, 1, 0, 0], [1, 0, 0, 0]), np.zeros((2, 4), bool)
    assert mean_squares(arm, nothing, 1.0) == pytest.approx((0.125, 1.375 / 3, 0.125))
    found = estimate(arm, nothing)
    # Var = (1/8 + 1/3) / 8, and 1 * ((1/8 + 1/3) / (1/8))^2 = (11/3)^2 degrees of freedom
    assert found.mean == 0.375
    assert found.error == pytest.approx(math.sqrt((1 / 8 + 1 / 3) / 8))
    assert found.freedom == pytest.approx((11 / 3) ** 2)
    assert found.n == 2
    # t(13.44) at 95% is 1.766, between 1.771 of 13 and 1.761 of 14
    assert found.interval(0.90).high == pytest.approx(0.375 + 1.766 * 0.23936, abs=1e-3)


def test_without_noise_of_images_it_is_the_t_interval():
    # Each image is as hard as any other, so MS_image < MS_residual.
    arm = right([1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0])
    found = estimate(arm, np.zeros_like(arm))
    assert mean_squares(arm, np.zeros_like(arm), 1.0)[1] < 0.25
    over_seeds = of_values(arm.mean(axis=1))
    assert (found.error, found.freedom) == pytest.approx((over_seeds.error, 2))


def test_every_seed_differs_in_the_same_images():
    # The seeds say nothing of their own noise: the variance over images alone, 0.25 * 4/3 / 4.
    arm = right([1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0])
    found = estimate(arm, np.zeros_like(arm))
    assert found.mean == 0.5
    assert found.error == pytest.approx(math.sqrt(0.25 * 4 / 3 / 4))
    assert math.isinf(found.freedom)


def test_a_tie_of_seeds_that_differ_in_different_images_has_noise():
    # Every seed has one image more, each another: the t interval would have no width.
    arm = np.eye(3, 12, dtype=bool)
    found = estimate(arm, np.zeros_like(arm))
    residual = mean_squares(arm, np.zeros_like(arm), 1.0)[2]
    assert math.isnan(of_values(arm.mean(axis=1)).error)
    assert found.error == pytest.approx(math.sqrt(residual / 36))
    assert found.freedom == 2 * 11


def test_two_sides_that_never_differ_follow_the_rule_of_three():
    # With a share of 1 - 0.05^(1/1000) of differing images, none is seen among 1,000 in one of 20
    # cases: about 3 / 1000.
    arm = np.ones((15, 1000), bool)
    found = estimate(arm, arm).interval(0.90)
    assert found.mean == 0
    assert found.high == pytest.approx(0.003, abs=1e-5)
    assert found.low == pytest.approx(-0.003, abs=1e-5)


def test_the_recorded_differences_count():
    # Under random masks the accuracy is a mean over masks, the answers are those of one.
    arm = right([1, 1, 0, 0], [1, 0, 0, 0])
    found = of_seeds_and_images([0.4, 0.2], arm, np.zeros_like(arm))
    assert found.mean == pytest.approx(0.3)
    assert found.error == pytest.approx(math.sqrt((4 * 0.02 + 1 / 3) / 8))


@pytest.mark.parametrize("shape", [(0, 5), (1, 5), (5, 1), (5, 0)])
def test_too_few_seeds_or_images(shape):
    arm = np.ones(shape, bool)
    recorded = np.zeros(shape[0])
    found = of_seeds_and_images(recorded, arm, arm)
    assert math.isnan(found.error)
    assert found.n == shape[0]


def test_mistakes_are_refused():
    arm = np.ones((5, 40), bool)
    values = np.zeros(5)
    with pytest.raises(ValueError, match="shape"):
        of_seeds_and_images(values, arm, arm[:, :30])
    with pytest.raises(ValueError, match="reference must be bool"):
        of_seeds_and_images(values, arm, arm.astype(float))
    with pytest.raises(ValueError, match="arm must be bool with 2"):
        of_seeds_and_images(values, arm[0], arm[0])
    with pytest.raises(ValueError, match="share"):
        of_seeds_and_images(values, arm, arm, share=-1)
    with pytest.raises(ValueError, match="4 differences do not fit 5 seeds"):
        of_seeds_and_images(values[:4], arm, arm)
    with pytest.raises(ValueError, match="level"):
        of_seeds_and_images(values, arm, arm).interval(90)


@given(PAIRS, st.sampled_from([1.0, 0.9, 0.5]))
def test_mean_squares_against_the_definition(bits, share):
    both = np.array(bits)
    arm, reference = (both & 1).astype(bool), (both & 2).astype(bool)
    d = arm - share * reference
    rows, columns = d.mean(axis=1, keepdims=True), d.mean(axis=0, keepdims=True)
    seeds, images = d.shape
    expected = (
        images * ((rows - d.mean()) ** 2).sum() / (seeds - 1),
        seeds * ((columns - d.mean()) ** 2).sum() / (images - 1),
        ((d - rows - columns + d.mean()) ** 2).sum() / ((seeds - 1) * (images - 1)),
    )
    assert mean_squares(arm, reference, share) == pytest.approx(expected, abs=1e-9)


@given(PAIRS)
def test_what_always_holds(bits):
    both = np.array(bits)
    arm, reference = (both & 1).astype(bool), (both & 2).astype(bool)
    found, swapped = estimate(arm, reference), estimate(reference, arm)
    assert found.error > 0
    assert found.freedom >= len(both) - 1
    assert (swapped.mean, swapped.error) == pytest.approx((-found.mean, found.error))
    over_seeds = of_values(arm.mean(axis=1) - reference.mean(axis=1))
    assert not found.error < over_seeds.error - 1e-12  # images only add noise
