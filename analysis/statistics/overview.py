"""Overview of many runs, after rliable (Agarwal et al. 2021, arXiv:2108.13264)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.statistics.checks import vector


def interquartile_mean(values: ArrayLike) -> float:
    """Return the mean of the middle half: a quarter, rounded down, is cut off at either end.

    It is more robust than the mean against a diverged run, and uses more values than the median.

    Args:
        values: one per run, of any shape; runs of several tasks are pooled, as rliable does.

    Returns:
        In the unit of the values; the plain mean of fewer than four values; nan without values and
        if one is nan.
    """
    array = np.asarray(values, np.float64).ravel()
    if array.size == 0 or np.isnan(array).any():
        return np.nan
    return float(stats.trim_mean(array, 0.25))


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """Return the fraction of runs with a score above each threshold.

    Args:
        scores: [R], one per run.
        thresholds: [T], in any order.

    Returns:
        [T], fractions; all nan without scores and if one is nan.

    Raises:
        ValueError: if one of the two is not one-dimensional, or a threshold is nan.
    """
    runs, levels = vector(scores, "scores"), vector(thresholds, "thresholds")
    if np.isnan(levels).any():
        raise ValueError("thresholds must be numbers, not nan")
    if runs.size == 0 or np.isnan(runs).any():
        return np.full(levels.shape, np.nan)
    return np.asarray((runs[:, None] > levels).mean(axis=0), np.float64)
