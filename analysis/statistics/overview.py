"""Many runs at a glance, after rliable (Agarwal et al. 2021, arXiv:2108.13264)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.statistics.checks import vector


def interquartile_mean(values: ArrayLike) -> float:
    """The mean of the middle half: a quarter, rounded down, is cut off at either end.

    Sturdier than the mean against a run that diverged, and less wasteful than the median.

    Args:
        values: one per run, of any shape; runs of several tasks are pooled, as rliable does.

    Returns:
        In the unit of the values; the mean of fewer than four; nan without any and if one is nan.
    """
    array = np.asarray(values, np.float64).ravel()
    if array.size == 0 or np.isnan(array).any():
        return np.nan
    return float(stats.trim_mean(array, 0.25))


def performance_profile(scores: ArrayLike, thresholds: ArrayLike) -> NDArray[np.float64]:
    """The fraction of runs with a score above each threshold.

    Args:
        scores: [R], one per run.
        thresholds: [T], in any order.

    Returns:
        [T], fractions; all nan without any score and if one is nan.

    Raises:
        ValueError: if one of the two is not one-dimensional, or a threshold is nan.
    """
    found, levels = vector(scores, "scores"), vector(thresholds, "thresholds")
    if np.isnan(levels).any():
        raise ValueError("thresholds must be numbers, not nan")
    if found.size == 0 or np.isnan(found).any():
        return np.full(levels.shape, np.nan)
    return np.asarray((found[:, None] > levels).mean(axis=0), np.float64)
