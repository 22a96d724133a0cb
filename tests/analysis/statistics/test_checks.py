"""What is refused, and when two figures are the same number."""

import math

import numpy as np
import pytest

from analysis.statistics.checks import (
    correctness,
    fraction,
    not_negative,
    rounding,
    same_shape,
    sound,
    varied,
    vector,
)


def test_a_vector_is_float_and_one_dimensional():
    assert vector([1, 2]).dtype == np.float64
    assert vector([]).shape == (0,)
    for wrong in (1.0, [[1.0, 2.0]]):
        with pytest.raises(ValueError, match=r"p must be one-dimensional, not of shape"):
            vector(wrong, "p")


def test_correctness_is_bool():
    assert correctness([True, False], "arm", 1).tolist() == [True, False]
    for wrong in ([1, 0], [[True, False]], True):
        with pytest.raises(ValueError, match=r"arm must be bool with 1 dimension"):
            correctness(wrong, "arm", 1)


def test_pairs_have_one_shape():
    same_shape(np.zeros((2, 3), bool), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match=r"shape \(2, 3\), but its reference has \(3, 2\)"):
        same_shape(np.zeros((2, 3), bool), np.zeros((3, 2), bool))


@pytest.mark.parametrize("wrong", [0, 1, -0.1, 95, math.nan])
def test_a_level_is_a_fraction(wrong):
    with pytest.raises(ValueError, match="level must lie between 0 and 1, not"):
        fraction(wrong, "level")


@pytest.mark.parametrize("wrong", [-1e-9, math.inf, math.nan])
def test_a_margin_is_not_negative(wrong):
    with pytest.raises(ValueError, match="margin must be a number of at least 0, not"):
        not_negative(wrong, "margin")


def test_sound_values():
    assert sound(np.array([1.0, 1.0]))
    for nothing in ([], [1.0], [1.0, math.nan], [1.0, math.inf]):
        assert not sound(np.array(nothing))


def test_differences_that_differ_by_rounding_alone_do_not_vary():
    # both 0.0013, or 13 of 10,000 images
    equal = np.array([0.9028 - 0.9015, 0.9128 - 0.9115])
    assert equal[0] != equal[1]
    assert not varied(equal)
    assert varied(np.array([0.0013, 0.0014]))


def test_rounding_is_relative_for_large_values():
    assert rounding(np.array([0.001, -0.5])) == 1e-12
    assert rounding(np.array([3.0, -2000.0])) == pytest.approx(2e-9)
