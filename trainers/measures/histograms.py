"""Histograms of weights and scores, of connections that are kept and of those that are changed."""

import math
from typing import Any

import torch
from torch import Tensor

#: Of equal width, in each histogram.
BINS = 40


def histograms(weights: Tensor, kept: Tensor, scores: Tensor | None) -> dict[str, Any]:
    """Return the histograms of one layer of one replica, as columns of the table `layers`.

    Values that are not finite have no range: their columns are left out.

    Args:
        weights: [*shape].
        kept: whether each connection is kept, neither pruned nor flipped, [*shape].
        scores: [*shape], or None for methods without scores.
    """
    columns: dict[str, Any] = {}
    largest = float(weights.abs().max())  # nan if any weight is
    if math.isfinite(largest):
        columns["weight_reach"] = largest
        columns["weights_kept"], columns["weights_changed"] = bin_counts(
            weights, kept, -largest, largest
        )
    if scores is not None and scores.isfinite().all():
        low, high = float(scores.min()), float(scores.max())
        columns |= {"scores_from": low, "scores_to": high}
        columns["scores_kept"], columns["scores_changed"] = bin_counts(scores, kept, low, high)
    return columns


def bin_counts(values: Tensor, kept: Tensor, low: float, high: float) -> list[list[int]]:
    """Return how many values each bin has, of kept connections and of the others, [2][BINS].

    A value on the edge of two bins counts in the upper one, and the highest value in the last bin.
    If all values are equal they count in the first bin.

    Args:
        values: float32, none of them outside the ends.
        kept: whether each value's connection is kept, of the same shape.
        low: the lower end of the first bin.
        high: the upper end of the last.
    """
    # In float64 everything but the division is exact, so no edge depends on rounding. Counting is
    # exact in any order, so the bits depend neither on threads nor on the pack.
    bins = values.flatten().double().sub_(low).mul_(BINS).div_(high - low or 1.0).long()
    # Scores so small that they count as zero may be outside.
    bins.clamp_(0, BINS - 1).add_(~kept.flatten(), alpha=BINS)
    counts: list[list[int]] = torch.bincount(bins, minlength=2 * BINS).view(2, BINS).tolist()
    return counts
