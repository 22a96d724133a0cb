"""Where the weights and the scores lie of what is kept and of what is pruned or flipped."""

import math
from typing import Any

import torch
from torch import Tensor

#: Of equal width, in each histogram.
BINS = 40


def fates(weights: Tensor, kept: Tensor, scores: Tensor | None) -> dict[str, Any]:
    """The histograms by fate of one layer of one replica, as columns of the table `layers`.

    Values that are not finite have no range: their columns are left out.

    Args:
        weights: [*shape].
        kept: whether each connection is kept, neither pruned nor flipped, [*shape].
        scores: [*shape], or None for methods without.
    """
    found: dict[str, Any] = {}
    reach = float(weights.abs().max())  # nan if there is one
    if math.isfinite(reach):
        found["weight_reach"] = reach
        found["weights_kept"], found["weights_changed"] = counts(weights, kept, -reach, reach)
    if scores is not None and scores.isfinite().all():
        low, high = float(scores.min()), float(scores.max())
        found |= {"scores_from": low, "scores_to": high}
        found["scores_kept"], found["scores_changed"] = counts(scores, kept, low, high)
    return found


def counts(values: Tensor, kept: Tensor, low: float, high: float) -> list[list[int]]:
    """How many values lie in each bin, of connections that are kept and of the others, [2][BINS].

    A value on the edge of two bins lies in the upper one, the highest value in the last bin; where
    all are equal they lie in the first.

    Args:
        values: float32, none of them outside the ends.
        kept: of the same shape.
        low: the lower end of the first bin.
        high: the upper end of the last.
    """
    # In float64 all but the division is exact, so that no edge depends on rounding; and counting
    # is exact in any order, so that bits depend neither on threads nor on the pack.
    places = values.flatten().double().sub_(low).mul_(BINS).div_(high - low or 1.0).long()
    # Scores so small that they count as zero may lie outside.
    places.clamp_(0, BINS - 1).add_(~kept.flatten(), alpha=BINS)
    found: list[list[int]] = torch.bincount(places, minlength=2 * BINS).view(2, BINS).tolist()
    return found
