"""Edge-popup (Ramanujan et al. 2020, arXiv:1911.13299, section 3): the top scores are kept.

Of each layer's n scores the lowest floor((1 - density) n) are dropped, whatever their values: the
threshold is the scores' own quantile, set by a `density` that somebody must choose. The gradient
goes straight through to all scores, dL/dscore = dL/deffective * weight (equation 4).

In this setting all but the threshold is as in free pruning: signed scores that start between
`score_low` and `score_high`, and the trial's optimiser. `edge-popup-official` is the authors'.
"""

import math
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from trainers.methods import Connections, Layer, Pack

READS = ("score_low", "score_high", "score_seed", "density", "rescaling")


class EdgePopup(Connections):
    """A connection is pruned while its score is among the lowest of its layer."""

    off = 0.0

    def ranked(self, layer: Layer) -> Tensor:
        """What decides, highest kept, [R, *shape]: the scores."""
        return layer.trained

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * where(score among the top, 1, off), rescaled if wanted."""
        effective = layer.effective.detach()
        for scores, weight, into in zip(self.ranked(layer), layer.weight, effective, strict=True):
            keep_top(weight, scores, pack.trial.density, into)
        if self.off != 0.0:  # kept: (1 - off) weight + off weight; else: off weight
            effective.mul_(1.0 - self.off).add_(layer.weight, alpha=self.off)
        if pack.trial.rescaling != "none":
            effective.mul_(self.rescaling(pack, layer))

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """1 for the top scores, else `off`."""
        off = torch.tensor(self.off, device=layer.weight.device)
        tops = [top(scores, pack.trial.density) for scores in self.ranked(layer)]
        return torch.where(torch.stack(tops) > 0, 1.0, off)

    def kept(self, pack: Pack, layer: Layer) -> Tensor:
        """As many as the density says, [R]."""
        n = layer.weight[0].numel()
        kept = float(n - dropped(pack.trial.density, n))
        return torch.full((len(pack.trials),), kept, device=layer.weight.device)


def dropped(density: float, n: int) -> int:
    """How many of n connections are dropped: floor((1 - density) n), exactly as it is written.

    In floating point 1 - 0.9 is below 0.1, and the floor would be one too low.
    """
    return math.floor((1 - Fraction(repr(density))) * n)


def top(scores: Tensor, density: float) -> Tensor:
    """1.0 for the scores that are kept, else 0.0; see `keep_top`."""
    return keep_top(torch.ones_like(scores), scores, density, torch.empty_like(scores))


def keep_top(weight: Tensor, scores: Tensor, density: float, into: Tensor) -> Tensor:
    """Write the weights with the top scores, else 0; of equal scores the first are dropped first.

    The threshold is found by selection; a sort of all scores would be many times slower.

    Args:
        weight: of one layer and one replica.
        scores: of the same shape.
        density: the fraction kept.
        into: where to; it is returned.
    """
    count = dropped(density, scores.numel())
    if count == 0:
        return into.copy_(weight)
    threshold, above = _smallest(scores.flatten(), count)
    # ReLU's own backward, as one pass over memory: weight where score > threshold, else 0.
    torch.ops.aten.threshold_backward.grad_input(weight, scores, threshold, grad_input=into)
    missing = scores.numel() - count - above
    if missing:  # of the scores that equal the threshold the last are kept
        equal = (scores.flatten() == threshold).nonzero().flatten()[-missing:]
        into.view(-1)[equal] = weight.view(-1)[equal]
    return into


def _smallest(scores: Tensor, count: int) -> tuple[float, int]:
    """The ``count``-th smallest score, and how many are above it."""
    if scores.device.type != "cpu":
        threshold = scores.kthvalue(count).values
        return float(threshold), int((scores > threshold).sum())
    values = scores.numpy()  # its selection and its counting are vectorised, PyTorch's are not
    least = np.partition(values, count - 1)[count - 1]
    return float(least), int(np.count_nonzero(values > least))


METHOD = EdgePopup()
