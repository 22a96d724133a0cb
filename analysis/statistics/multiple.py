"""Several tests at once.

A claim that needs *every* one of them takes `intersection_union`, a claim that *these* of them hold
takes `holm`, and a search through many takes `benjamini_hochberg`. A nan is a test that could not
be done: it fails a claim that needs all, and is not counted among the tests of the other two.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.statistics.checks import vector


def intersection_union(p: ArrayLike) -> float:
    """The p-value of "all of them hold": the largest, without correction (Berger 1982).

    Args:
        p: [k], the p-values.

    Returns:
        The largest; nan if any is nan or there is none.

    Raises:
        ValueError: if they are not one-dimensional or not within 0 to 1.
    """
    array = _p_values(p)
    return float(array.max()) if array.size else np.nan  # max hands a nan on


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted so that one false claim or more has probability alpha at most.

    Holm 1979, under any dependence of the tests, by `statsmodels.stats.multitest`.

    Args:
        p: [k], the p-values.

    Returns:
        [k], in the order given, to be held against alpha; nan stays nan and is not counted.

    Raises:
        ValueError: if they are not one-dimensional or not within 0 to 1.
    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted so that the expected share of false claims among those made is alpha.

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
    if counted.sum() == 1:  # nothing to correct for, which is most verdicts
        adjusted[counted] = array[counted]
    elif counted.any():
        # imported late: it takes most of a second. A call of Holm takes 0.1 s (garbage collection)
        from statsmodels.stats.multitest import multipletests

        adjusted[counted] = multipletests(array[counted], method=method)[1]
    return adjusted
