"""Intervals by resampling, and McNemar's test. The same data and seed give the same interval."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics.checks import correctness, fraction, same_shape, varied, vector
from analysis.statistics.paired import Interval


def bca(values: ArrayLike, *, level: float = 0.95, seed: int, draws: int = 9999) -> Interval:
    """Return the mean with its bias-corrected and accelerated bootstrap interval.

    Efron 1987. A test compares with `scipy.stats.bootstrap`, which takes more than a second to
    import. With few values the interval is too narrow: at 0.95 it covered the mean of 5, 15 and 50
    normal values in 84%, 91% and 94% of 20,000 simulations (of 15 exponential values in 90%). So it
    is shown with the t interval and does not replace it.

    Args:
        values: [n], one per seed.
        level: the nominal coverage, a fraction.
        seed: seed of the resampling.
        draws: number of resamples.

    Returns:
        The mean; its bounds are nan for fewer than two values, for values that are not finite, for
        equal values, and if the means of the resamples hardly vary.

    Raises:
        ValueError: if the values are not one-dimensional or the level is not a fraction.
    """
    fraction(level, "level")
    array = vector(values)
    estimate = float(array.mean()) if array.size else np.nan
    without_bounds = Interval(estimate, np.nan, np.nan, array.size)
    if not varied(array):
        return without_bounds
    generator = np.random.Generator(np.random.PCG64(seed))
    means = array[generator.integers(0, array.size, (draws, array.size))].mean(axis=1)
    bias = special.ndtri(((means < estimate).mean() + (means <= estimate).mean()) / 2)
    if np.isinf(bias):
        return without_bounds
    left_out = (array.sum() - array) / (array.size - 1)  # the mean without each value
    skew = left_out.mean() - left_out
    acceleration = (skew**3).sum() / (6 * (skew**2).sum() ** 1.5)
    z = bias + special.ndtri([(1 - level) / 2, (1 + level) / 2])
    low, high = np.quantile(means, special.ndtr(bias + z / (1 - acceleration * z)))
    return Interval(estimate, float(low), float(high), array.size)


def mcnemar(arm: ArrayLike, reference: ArrayLike) -> float:
    """Return the exact two-sided p-value of "one of two trials is right more often than the other".

    McNemar 1947: under the null hypothesis each image that only one trial has right is a fair coin
    toss, so p is twice the binomial distribution function at the smaller count (a test compares
    with statsmodels' `mcnemar(exact=True)`). It is for one pair of trials. Images are not
    independent across seeds, so it must not be pooled over seeds.

    Args:
        arm: bool [N], whether the trial has an image right.
        reference: bool [N], the same for the other trial, same images in the same order.

    Returns:
        The p-value; 1 if the two agree on all images; nan without images.

    Raises:
        ValueError: if the arrays are not bool, one-dimensional and of the same length.
    """
    ours = correctness(arm, "arm", 1)
    theirs = correctness(reference, "reference", 1)
    same_shape(ours, theirs)
    if not ours.size:
        return np.nan
    better, worse = int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    if better + worse == 0:
        return 1.0
    return min(1.0, 2 * float(special.bdtr(min(better, worse), better + worse, 0.5)))
