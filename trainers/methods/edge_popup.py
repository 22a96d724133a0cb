"""Edge-popup (Ramanujan et al. 2020, arXiv:1911.13299, section 3): the top scores are kept.

Of each layer's n scores the lowest floor((1 - density) n) are dropped, whatever their values: the
threshold is the scores' own quantile, set by a `density` that somebody must choose. The gradient
goes straight through to all scores, dL/dscore = dL/deffective * weight (equation 4).

In this setting all but the threshold is as in free pruning: signed scores that start between
`score_low` and `score_high`, and the trial's optimiser. `edge-popup-official` is the authors'.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from trainers.methods import Connections, Layer, Pack

READS = ("score_low", "score_high", "density", "rescaling")


class EdgePopup(Connections):
    """A connection is pruned while its score is among the lowest of its layer."""

    off = 0.0

    def ranked(self, layer: Layer) -> Tensor:
        """What decides, highest kept, [R, *shape]: the scores."""
        return layer.trained

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * where(score among the top, 1, off), rescaled if wanted."""
        effective = layer.effective.detach()
        for kept, into, weight in zip(
            self._kept(pack, layer), effective, layer.weight, strict=True
        ):
            torch.mul(weight, kept, out=into)
            if self.off != 0.0:
                into.mul_(1.0 - self.off).add_(weight, alpha=self.off)
        if pack.trial.rescaling != "none":
            effective.mul_(self.rescaling(pack, layer))

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """1 for the top scores, else `off`."""
        off = torch.tensor(self.off, device=layer.weight.device)
        return torch.stack([torch.where(k > 0, 1.0, off) for k in self._kept(pack, layer)])

    def _kept(self, pack: Pack, layer: Layer) -> Iterator[Tensor]:
        """1 for the top scores of each replica, else 0, [*shape]."""
        return (top(scores, pack.trial.density) for scores in self.ranked(layer).detach())


def dropped(density: float, n: int) -> int:
    """How many of n connections are dropped: floor((1 - density) n)."""
    return math.floor((1 - density) * n)


def top(scores: Tensor, density: float) -> Tensor:
    """1.0 for the scores that are kept, else 0.0; of equal scores the first are dropped first.

    The threshold is found by selection, which a sort of all scores would be many times slower than.

    Args:
        scores: of one layer and one replica, any shape.
        density: the fraction kept.
    """
    count = dropped(density, scores.numel())
    if count == 0:
        return torch.ones_like(scores)
    threshold = _smallest(scores.flatten(), count)
    kept = torch.gt(scores, threshold, out=torch.empty_like(scores))
    missing = scores.numel() - count - int(kept.count_nonzero())
    if missing:  # equal to the threshold, and of these the last
        equal = (scores.flatten() == threshold).nonzero().flatten()
        kept.view(-1)[equal[len(equal) - missing :]] = 1.0
    return kept


def _smallest(scores: Tensor, count: int) -> float:
    """The ``count``-th smallest score."""
    if scores.device.type == "cpu":  # numpy's selection, vectorised, is the faster one
        return float(np.partition(scores.numpy(), count - 1)[count - 1])
    return float(scores.kthvalue(count).values)


METHOD = EdgePopup()
