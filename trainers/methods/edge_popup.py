"""Edge-popup (Ramanujan et al. 2020, arXiv:1911.13299, section 3): the top scores are kept.

Of each layer's n scores the lowest floor((1 - density) n) are dropped, whatever their values. The
threshold is thus the (1 - density) quantile of the scores, and the user must choose the `density`.
The gradient goes straight through to all scores, dL/dscore = dL/deffective * weight (equation 4).

Everything but the threshold is as in free pruning: signed scores that start between `score_low`
and `score_high`, and the trial's optimiser. `edge-popup-official` is the authors' own setting.
"""

import torch
from torch import Tensor

from trainers.methods import Connections, Layer, Pack
from trainers.methods._masks import dropped, keep_top, top

READS = ("score_low", "score_high", "score_seed", "density", "rescaling")


class EdgePopup(Connections):
    """A connection is pruned while its score is among the lowest of its layer."""

    off = 0.0

    def ranked(self, layer: Layer) -> Tensor:
        """Return what the connections are ranked by, [R, *shape]: the scores."""
        return layer.trained

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * where(score among the top, 1, off), rescaled if asked for."""
        effective = layer.effective.detach()
        for scores, weight, into in zip(self.ranked(layer), layer.weight, effective, strict=True):
            keep_top(weight, scores, pack.trial.density, into)
        if self.off != 0.0:  # kept: (1 - off) weight + off weight; else: off weight
            effective.mul_(1.0 - self.off).add_(layer.weight, alpha=self.off)
        if pack.trial.rescaling != "none":
            effective.mul_(self.rescaling(pack, layer))

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return 1 for the top scores, else `off`."""
        off = torch.tensor(self.off, device=layer.weight.device)
        tops = [top(scores, pack.trial.density) for scores in self.ranked(layer)]
        return torch.where(torch.stack(tops) > 0, 1.0, off)

    def kept(self, pack: Pack, layer: Layer) -> Tensor:
        """Return the number that the density asks for, [R]."""
        n = layer.weight[0].numel()
        kept = float(n - dropped(pack.trial.density, n))
        return torch.full((len(pack.trials),), kept, device=layer.weight.device)


METHOD = EdgePopup()
