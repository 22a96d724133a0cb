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

    Holm 1979, under any dependence of the tests, by `statsmodels.stats.multitest`.

    Args:
        p: [k], the p-values.

    Returns:
        [k], in the order given, to compare with alpha; nan stays nan and is not counted.

    Raises:
        ValueError: if they are not one-dimensional or not within 0 to 1.
    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values adjusted so that the expected fraction of false claims is at most alpha.

    Benjamini & Hochberg 1995, for tests that are independent or positively dependent, by
    `statsmodels.stats.multitest`. Args, returns and errors are those of `holm`.
    """
    return _adjusted(p, "fdr_bh")


def _p_values(p: ArrayLike) -> NDArray[np.float64]:
    array = vector(p, "p")
    if ((array < 0) | (array > 1)).any():
        raise ValueError(f"p-values must lie within 0 to 1, not {array.tolist()}")
    return array


def _adjusted(p: ArrayLike, method: str) -> NDArray[np.float64]:
    array = _p_values(p)
    adjusted = np.full(array.shape, np.nan)
    counted = ~np.isnan(array)
    if counted.sum() == 1:  # nothing to correct, as for most verdicts
        adjusted[counted] = array[counted]
    elif counted.any():
        # Imported late because it takes most of a second.
        from statsmodels.stats.multitest import multipletests

        adjusted[counted] = multipletests(array[counted], method=method)[1]
    return adjusted
