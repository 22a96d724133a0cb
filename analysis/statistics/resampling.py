"""Intervals from resampling, and McNemar's test. Every one is a function of its seed alone."""

import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.statistics.checks import (
    correctness,
    fraction,
    not_negative,
    same_shape,
    varied,
    vector,
)
from analysis.statistics.paired import Interval

#: Bytes of image weights made at once, and how many such blocks are kept: under 100 MB.
BLOCK, KEPT = 2**22, 24


def bca(
    values: ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    *,
    level: float = 0.95,
    seed: int,
    draws: int = 9999,
) -> Interval:
    """A statistic with its bias-corrected and accelerated bootstrap interval.

    Efron 1987, by `scipy.stats.bootstrap`. With few values it is too narrow: at 0.95 it covered
    the mean of 5, 15 and 50 normal values in 84%, 91% and 94% of 20,000 simulations (of 15
    exponential ones 90%). So it stands beside the t interval and does not take its place.

    Args:
        values: [n], one per seed.
        statistic: of a sample [n]; faster if it takes `axis`.
        level: the coverage aimed at, a fraction.
        seed: of the resampling.
        draws: number of resamples.

    Returns:
        The statistic of the values as `mean`; the bounds are nan for fewer than two values, for
        one that is not finite, for equal ones, and where the statistic hardly varies.

    Raises:
        ValueError: if the values are not one-dimensional or the level is no fraction.
    """
    fraction(level, "level")
    array = vector(values)
    found = float(statistic(array)) if array.size else np.nan
    nothing = Interval(found, np.nan, np.nan, array.size)
    if not varied(array):
        return nothing
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # scipy warns of a bootstrap distribution without spread, and gives nan, as documented
        warnings.simplefilter("ignore", RuntimeWarning)
        low, high = stats.bootstrap(
            (array,),
            statistic,
            n_resamples=draws,
            confidence_level=level,
            method="BCa",
            rng=np.random.Generator(np.random.PCG64(seed)),
        ).confidence_interval
    if np.isnan(low) or np.isnan(high):
        return nothing
    return Interval(found, float(low), float(high), array.size)


def seeds_by_images(
    arm: ArrayLike,
    reference: ArrayLike,
    *,
    share: float = 1.0,
    level: float = 0.90,
    seed: int,
    draws: int = 2000,
) -> Interval:
    """The mean of arm - share * reference, with the noise of seeds and of test images.

    Seeds and images are drawn with replacement, independently of each other, and the percentiles
    of the mean are taken: the pigeonhole bootstrap (Owen 2007, doi:10.1214/07-AOAS122). The same
    seed draws the same seeds and images for any pair of arms of the same shape.

    Coverage at 0.90, measured in 10,000 simulations with 15 seeds: 0.92 where seeds and images
    both matter and 0.93 where images dominate; 0.99 where neither does, since the bootstrap counts
    the noise of single trials on single images about three times; but 0.86 where the seeds are all
    there is (5 seeds 0.78, 30 seeds 0.88), as percentiles of few values are too narrow. There the
    t interval over seeds is right, so a claim should pass both.

    Args:
        arm: bool [S, N], whether the trial of a seed has an image right.
        reference: bool [S, N], the same for the trials it is compared with: same seeds and images
            in the same order.
        share: of the reference's accuracy that the arm is held against, at least 0.
        level: the coverage aimed at, a fraction.
        seed: of the resampling.
        draws: number of resamples.

    Returns:
        The mean, a fraction, and its interval with n = S. The bounds are nan for fewer than two
        seeds or images, and if all entries of arm - share * reference are equal.

    Raises:
        ValueError: if the arrays are not bool, two-dimensional and of the same shape, the level
            is no fraction or the share is negative.
    """
    fraction(level, "level")
    not_negative(share, "share")
    ours = correctness(arm, "arm", 2)
    theirs = correctness(reference, "reference", 2)
    same_shape(ours, theirs)
    seeds, images = ours.shape
    differences = ours - share * theirs
    mean = float(ours.sum() - share * theirs.sum()) / ours.size if ours.size else np.nan
    if min(ours.shape) < 2 or not np.ptp(differences):
        return Interval(mean, np.nan, np.nan, seeds)
    # weighted counts are whole numbers of at most N, exact in float32: the same bits on any BLAS
    right = np.concatenate([ours, theirs]).astype(np.float32)
    blocks = _image_weights(images, draws, seed)
    counts = np.concatenate([right @ block.T.astype(np.float32) for block in blocks], axis=1)
    of_seeds = (counts[:seeds].astype(float) - share * counts[seeds:].astype(float)) / images
    means = (_seed_weights(seeds, draws, seed) * of_seeds.T).sum(axis=1) / seeds
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high), seeds)


def mcnemar(arm: ArrayLike, reference: ArrayLike) -> float:
    """The exact two-sided p-value of "one of two trials is right more often than the other".

    McNemar 1947: the images that only one has right are a coin's tosses, by `scipy.stats.binomtest`
    (statsmodels' `mcnemar(exact=True)` gives the same number). For one pair of trials: images are
    not independent across seeds, so it must not be pooled over them.

    Args:
        arm: bool [N], whether the trial has an image right.
        reference: bool [N], the same for the other trial, same images in the same order.

    Returns:
        1 where they agree on all images; nan without any image.

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
    return float(stats.binomtest(better, better + worse).pvalue)


def _seed_weights(seeds: int, draws: int, seed: int) -> NDArray[np.int64]:
    """How often each seed is drawn: [draws, S], each row multinomial."""
    drawn = _generator(seed, 0).integers(seeds, size=(draws, seeds))
    return np.asarray((drawn[:, :, None] == np.arange(seeds)).sum(axis=1), np.int64)


def _image_weights(images: int, draws: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """How often each image is drawn: blocks of rows, [draws, N] together, each multinomial."""
    rows = min(max(1, BLOCK // images), 512)
    for block, start in enumerate(range(0, draws, rows)):
        yield _block(images, rows, seed, block)[: draws - start]


@lru_cache(maxsize=KEPT)
def _block(images: int, rows: int, seed: int, block: int) -> NDArray[np.uint8]:
    """One block [rows, N]; kept, since all pairs of a report have the same few shapes.

    A byte is enough: a count above 255 needs more than 255 images, and has probability 1e-500.
    """
    generator = _generator(seed, 1 + block)
    weights = np.empty((rows, images), np.uint8)
    for row in weights:
        row[:] = np.bincount(generator.integers(images, size=images), minlength=images)
    weights.flags.writeable = False
    return weights


def _generator(seed: int, stream: int) -> np.random.Generator:
    """A generator of its own per stream of a seed, so that the order of calls is nothing to it."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(stream,))))
