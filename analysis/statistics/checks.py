"""Checks of arguments, and when two values count as the same number."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Values closer than this are the same number (relatively, if above 1). The difference of two
#: accuracies has a rounding error of about 1e-16; different accuracies differ by an image at least.
ROUNDING = 1e-12


def vector(values: ArrayLike, name: str = "values") -> NDArray[np.float64]:
    """Return the values as float64 [n].

    Raises:
        ValueError: if they are not one-dimensional.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, not of shape {array.shape}")
    return array


def correctness(values: ArrayLike, name: str, dimensions: int) -> NDArray[np.bool_]:
    """Return right or wrong per test image as a bool array with this number of dimensions.

    Raises:
        ValueError: if it has another type or number of dimensions.
    """
    array = np.asarray(values)
    if array.dtype != np.bool_ or array.ndim != dimensions:
        given = f"{array.dtype} of shape {array.shape}"
        raise ValueError(f"{name} must be bool with {dimensions} dimension(s), not {given}")
    return array


def same_shape(arm: NDArray[np.bool_], reference: NDArray[np.bool_]) -> None:
    """Refuse arrays of different shapes, whose entries cannot be paired.

    Raises:
        ValueError: if the shapes differ.
    """
    if arm.shape != reference.shape:
        raise ValueError(f"arm has shape {arm.shape}, but its reference has {reference.shape}")


def fraction(value: float, name: str) -> None:
    """Refuse a value that does not lie strictly between 0 and 1.

    Raises:
        ValueError: if it does not.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} must lie between 0 and 1, not {value}")


def not_negative(value: float, name: str) -> None:
    """Refuse a margin or share that is negative or not finite.

    Raises:
        ValueError: if it is.
    """
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} must be a number of at least 0, not {value}")


def sound(values: NDArray[np.float64]) -> bool:
    """Return whether there are at least two values, all of them finite."""
    return values.size >= 2 and bool(np.isfinite(values).all())


def rounding(values: NDArray[np.float64]) -> float:
    """Return the difference below which two of the values (finite) are the same number."""
    return ROUNDING * max(1.0, float(np.abs(values).max()))


def varied(values: NDArray[np.float64]) -> bool:
    """Return whether the values are sound and not all the same number, so they have a deviation."""
    return sound(values) and float(np.ptp(values)) > rounding(values)
