"""The mean of paired differences with one standard error for seeds and test images together.

Another sample of seeds would give other accuracies, and so would another sample of test images. The
t interval over seeds knows only the first of the two: if every seed sees the same images, the noise
of these images is common to all seeds. Seeds and images are crossed random effects here.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis.statistics.checks import (
    ROUNDING,
    correctness,
    not_negative,
    rounding,
    same_shape,
    vector,
)
from analysis.statistics.paired import Estimate, of_values

#: The probability of seeing no image of a kind if its share is at the bound that is then assumed.
_UNSEEN = 0.05


def of_seeds_and_images(
    differences: ArrayLike, arm: ArrayLike, reference: ArrayLike, *, share: float = 1.0
) -> Estimate:
    """Return the mean difference with its standard error over seeds and test images.

    With the mean squares of the two-way layout of d = arm - share * reference, S seeds x N images,

        Var = (MS_seed + max(MS_image - MS_residual, 0)) / (S N),

    and (S - 1) (numerator / MS_seed)^2 degrees of freedom (Hillis 2007, doi:10.1002/sim.2532, for
    readers x cases; the images are so many that their degrees of freedom do not count). Coverage at
    0.90 in simulations: 0.89 to 0.93 with 15 seeds, 0.87 to 0.92 with 3 or 5, where the t interval
    over seeds covers 0.48 to 0.92.

    If all seeds have the same difference, MS_seed is 0 and says nothing about its own size. What
    it estimates if seeds do not differ, MS_residual, takes its place. If in addition no image ever
    differs, no variance can be estimated; then the error is that of a share of differing images of
    1 - 0.05^(1/N), at which none is seen with probability 0.05 (about 3/N, "rule of three").

    Args:
        differences: [S], the recorded difference of each seed. They can differ from those of the
            images, because an accuracy under random masks is a mean over several masks.
        arm: bool [S, N], whether the trial of a seed has an image right.
        reference: bool [S, N], the same for the trials it is compared with: same seeds and images
            in the same order.
        share: factor on the reference's accuracy, at least 0.

    Returns:
        The estimate; its error is nan for fewer than two seeds or images.

    Raises:
        ValueError: if the arrays are not bool, two-dimensional and of the same shape, if the
            differences are not one per seed, or if the share is negative.
    """
    not_negative(share, "share")
    ours, theirs = correctness(arm, "arm", 2), correctness(reference, "reference", 2)
    same_shape(ours, theirs)
    values = vector(differences, "differences")
    seeds, images = ours.shape
    if values.size != seeds:
        raise ValueError(f"{values.size} differences do not fit {seeds} seeds")
    if min(ours.shape) < 2 or not np.isfinite(values).all():
        return Estimate(of_values(values).mean, np.nan, max(seeds - 1.0, 1.0), seeds)
    error, freedom = _error(values, mean_squares(ours, theirs, share), images)
    return Estimate(float(values.mean()), error, freedom, seeds)


def _error(
    values: np.ndarray, squares: tuple[float, float, float], images: int
) -> tuple[float, float]:
    """Return the standard error of the mean difference and its degrees of freedom.

    Args:
        values: [S], the recorded difference of each seed.
        squares: MS_seed, MS_image and MS_residual.
        images: N, the number of images.
    """
    _, of_images, residual = squares
    tied = float(np.ptp(values)) <= rounding(values)
    base = residual if tied else images * float(values.var(ddof=1))
    total = base + max(of_images - residual, 0.0)
    if total <= ROUNDING:  # no image ever differs
        unseen = 1 - _UNSEEN ** (1 / images)
        return unseen / float(special.ndtri(1 - _UNSEEN)), math.inf
    error = math.sqrt(total / (values.size * images))
    if base <= ROUNDING:  # every seed differs in the same images
        return error, math.inf
    freedom = (values.size - 1.0) * (images - 1.0 if tied else 1.0)
    return error, freedom * (total / base) ** 2


def mean_squares(
    arm: np.ndarray, reference: np.ndarray, share: float
) -> tuple[float, float, float]:
    """Return MS_seed, MS_image and MS_residual of arm - share * reference, bool [S, N] each."""
    seeds, images = arm.shape
    # Counts are whole numbers, so the sums are exact.
    by_seed = arm.sum(axis=1) - share * reference.sum(axis=1)
    by_image = arm.sum(axis=0) - share * reference.sum(axis=0)
    squares = arm.sum() - 2 * share * (arm & reference).sum() + share**2 * reference.sum()
    correction = by_seed.sum() ** 2 / (seeds * images)
    of_seeds = (by_seed**2).sum() / images - correction
    of_images = (by_image**2).sum() / seeds - correction
    rest = squares - correction - of_seeds - of_images
    return (
        float(max(of_seeds, 0) / (seeds - 1)),
        float(max(of_images, 0) / (images - 1)),
        float(max(rest, 0) / ((seeds - 1) * (images - 1))),
    )
