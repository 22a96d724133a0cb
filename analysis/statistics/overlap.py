"""How far two masks change the same connections, corrected for chance.

Two masks that change most connections overlap much whatever they have learned. So the Jaccard index
J of their changed sets is compared with its expectation E for random sets of the same sizes in each
layer: (J - E) / (1 - E), as Cohen's kappa corrects agreement. 1: the same connections; 0: as
expected by chance; below 0: less overlap than by chance.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.statistics.checks import same_shape

#: Counts further from their mean than 12 deviations plus 60 have no weight in float64.
_DEVIATIONS, _MORE = 12, 60


@dataclass(frozen=True)
class Overlap:
    """The overlap of two sets.

    Attributes:
        jaccard: members of both over members of either, a fraction; nan for two empty sets.
        chance: its expectation for random sets of the same sizes; nan for two empty sets.
        corrected: (jaccard - chance) / (1 - chance); nan if the sizes alone determine the overlap,
            because in every layer one of the two sets is empty or full.
    """

    jaccard: float
    chance: float
    corrected: float


def counts(first: ArrayLike, second: ArrayLike) -> NDArray[np.int64]:
    """Return the counts of one layer that `overlap` needs.

    Args:
        first: bool, any shape: which connections one mask changes.
        second: bool, the same shape: which the other changes.

    Returns:
        [4]: connections, changed by the first, by the second, by both.

    Raises:
        ValueError: if the shapes differ.
    """
    one, other = np.asarray(first, bool), np.asarray(second, bool)
    same_shape(one, other)
    return np.array([one.size, one.sum(), other.sum(), (one & other).sum()], np.int64)


def overlap(layers: ArrayLike) -> Overlap:
    """Return the chance-corrected Jaccard index of the changed sets of one or several layers.

    Chance is computed within each layer, so agreeing on which layers change most does not count as
    overlap.

    Args:
        layers: [4] or [L, 4], as returned by `counts`.
    """
    table = np.atleast_2d(np.asarray(layers, np.int64))
    members, both = int(table[:, 1:3].sum()), int(table[:, 3].sum())
    if members == 0:
        return Overlap(np.nan, np.nan, np.nan)
    jaccard = both / (members - both)
    chance = expected_jaccard(table[:, :3])
    total, sizes = table[:, :1], table[:, 1:3]
    open_layers = ((sizes > 0) & (sizes < total)).all(axis=1)
    corrected = (jaccard - chance) / (1 - chance) if open_layers.any() else np.nan
    return Overlap(jaccard, chance, corrected)


def expected_jaccard(sizes: ArrayLike) -> float:
    """Return the exact expectation of the Jaccard index of random sets of given sizes.

    The number of common members in a layer is hypergeometric. The number in several layers is a sum
    of independent such counts, so its distribution is the convolution of theirs.

    Args:
        sizes: [3] or [L, 3]: connections, size of the first set, size of the second; at least one
            of the sets has a member.
    """
    from scipy import signal, stats  # most of a second, which only studies that keep masks need

    table = np.atleast_2d(np.asarray(sizes, np.int64))
    start, chances = 0, np.ones(1)
    for total, one, other in table.tolist():
        mean = one * other / total
        reach = _DEVIATIONS * math.sqrt(mean) + _MORE  # the variance is at most the mean
        low = max(0, one + other - total, int(mean - reach))
        high = min(one, other, int(mean + reach) + 1)
        start += low
        # With logarithms, because scipy's own pmf takes a hundred times as long.
        law = np.exp(stats.hypergeom.logpmf(np.arange(low, high + 1), total, one, other))
        chances = signal.convolve(chances, law / law.sum())
    both = start + np.arange(len(chances))
    members = table[:, 1:].sum()
    return float((chances * both / (members - both)).sum())
