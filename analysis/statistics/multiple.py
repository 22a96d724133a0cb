"""Several tests at once.

Use `intersection_union` for a claim that *all* of them hold, `holm` for the claim that *these* of
them hold, and `benjamini_hochberg` for a search through many. A nan is a test that could not be
done: with it, a claim that all hold fails; the other two do not count it.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.statistics.checks import vector


def intersection_union(p: ArrayLike) -> float:
    """Return the p-value of "all of them hold": the largest, without correction (Berger 1982).

    Args:
        p: [k], the p-values.

    Returns:
        The largest; nan if any is nan or there is none.

    Raises:
        ValueError: if they are not one-dimensional or not within 0 to 1.
    """
    array = _p_values(p)
    return float(array.max()) if array.size else np.nan  # the max of a nan is nan


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted so that the probability of any false claim is at most alpha.

    Holm 1979, under any dependence of the tests: in ascending order, the i-th of m p-values times
    m - i + 1, at least as large as the one before. A test compares with statsmodels, which takes
    most of a second to import and 0.1 s in each call, because it collects garbage.

    Args:
        p: [k], the p-values.

    Returns:
        [k], in the order given, to compare with alpha; nan stays nan and is not counted.

    Raises:
        ValueError: if they are not one-dimensional or not within 0 to 1.
    """
    array, known, order = _ascending(p)
    ranked = known[order] * np.arange(known.size, 0, -1)
    return _placed(array, order, np.maximum.accumulate(ranked))


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted so that the expected fraction of false claims is at most alpha.

    Benjamini & Hochberg 1995, for tests that are independent or positively dependent: in ascending
    order, the i-th of m p-values times m / i, at most as large as the one after. A test compares
    with scipy and statsmodels. Args, returns and errors are those of `holm`.
    """
    array, known, order = _ascending(p)
    ranked = known[order] * (known.size / np.arange(1, known.size + 1))
    return _placed(array, order, np.minimum.accumulate(ranked[::-1])[::-1])


def _p_values(p: ArrayLike) -> NDArray[np.float64]:
    array = vector(p, "p")
    if ((array < 0) | (array > 1)).any():
        raise ValueError(f"p-values must lie within 0 to 1, not {array.tolist()}")
    return array


def _ascending(
    p: ArrayLike,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return the p-values, those that are not nan, and the order of the latter."""
    array = _p_values(p)
    known = array[~np.isnan(array)]
    return array, known, np.argsort(known, kind="stable")


def _placed(
    array: NDArray[np.float64], order: NDArray[np.intp], ranked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return adjusted p-values in the order given, at most 1."""
    adjusted = np.empty_like(ranked)
    adjusted[order] = np.minimum(ranked, 1.0)
    placed = np.full(array.shape, np.nan)
    placed[~np.isnan(array)] = adjusted
    return placed
