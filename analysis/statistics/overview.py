"""Overview of many runs, after rliable (Agarwal et al. 2021, arXiv:2108.13264)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.statistics.checks import fraction, vector
from analysis.statistics.paired import Interval


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
    ascending, cut = np.sort(array), array.size // 4
    return float(ascending[cut : array.size - cut].mean())


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


def probability_of_improvement(
    arm: ArrayLike, reference: ArrayLike, *, level: float = 0.90, seed: int, draws: int = 2000
) -> Interval:
    """Return the probability that a run of the arm is better than a run of the reference.

    Agarwal et al. 2021 (arXiv:2108.13264, section 4.3): over all pairs of a run of either side, the
    fraction in which the arm's is better, ties counting half (the Mann-Whitney statistic); interval
    of percentiles over bootstrap samples of the runs of both sides. It says how often, not by how
    much, so it never decides.

    Args:
        arm: [n], one value per run, larger is better.
        reference: [m], the same of the other side; the runs need not be paired.
        level: the nominal coverage, a fraction.
        seed: seed of the resampling.
        draws: number of resamples.

    Returns:
        The probability with its interval and n; all nan without values on one side or if one is
        nan. The interval is nan for fewer than two runs on one side.

    Raises:
        ValueError: if one of the two is not one-dimensional or the level is not a fraction.
    """
    fraction(level, "level")
    ours, theirs = vector(arm, "arm"), vector(reference, "reference")
    if not (ours.size and theirs.size) or np.isnan(ours).any() or np.isnan(theirs).any():
        return Interval(np.nan, np.nan, np.nan, ours.size)
    difference = ours[:, None] - theirs
    better = (difference > 0) + 0.5 * (difference == 0)
    if min(better.shape) < 2:
        return Interval(float(better.mean()), np.nan, np.nan, ours.size)
    generator = np.random.Generator(np.random.PCG64(seed))
    weights = [
        (generator.integers(n, size=(draws, n))[:, :, None] == np.arange(n)).sum(axis=1)
        for n in better.shape
    ]
    sampled = np.einsum("di,ij,dj->d", weights[0], better, weights[1]) / better.size
    low, high = np.quantile(sampled, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(better.mean()), float(low), float(high), ours.size)
