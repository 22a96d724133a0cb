"""Edge-popup (Ramanujan et al. 2020, arXiv:1911.13299, section 3): the top scores are kept.

Of each layer's n scores the lowest floor((1 - density) n) are dropped, whatever their values. The
threshold is thus the (1 - density) quantile of the scores, and the user must choose the `density`.
The gradient goes straight through to all scores, dL/dscore = dL/deffective * weight (equation 4).

``edge-popup(global)`` ranks the scores of all layers together, so that layers may have different
densities, as Diffenderfer et al. (2021, arXiv:2106.09129) do with biprop. They approach a density
below one half within ten epochs; here it holds from the start. A layer may lose all connections.

Everything but the threshold is as in free pruning: signed scores that start between `score_low`
and `score_high`, and the trial's optimiser. `edge-popup-official` is the authors' own setting.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.methods import Connections, Layer, Pack
from trainers.methods._masks import (
    dropped,
    keep_top,
    keep_top_of_all,
    keep_top_on_device,
    last_threshold,
)

MIXES = True
EXAMPLES = ("edge-popup", "edge-popup(global)")
PARAMETERS = {"global": (False,)}
READS = ("score_low", "score_high", "score_seed", "density", "rescaling")


class EdgePopup(Connections):
    """A connection is pruned while its score is among the lowest of its layer, or of all layers.

    Attributes:
        of_all: whether the scores of all layers are ranked together.
    """

    off = 0.0
    capturable = True  # a GPU's thresholds stay on it; on a CPU nothing is captured

    def __init__(self, *, of_all: bool = False) -> None:
        self.of_all = of_all

    def ranked(self, layer: Layer) -> Tensor:
        """Return what the connections are ranked by, [R, *shape]: the scores."""
        return layer.trained

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * where(score among the top, 1, off), rescaled if asked for.

        Layers that are ranked together are written together, when the last one has its scores.
        """
        if not self.of_all:
            self._write(pack, [layer])
        elif layer.index == len(pack.layers) - 1:
            self._write(pack, pack.layers)

    def _write(self, pack: Pack, layers: Sequence[Layer]) -> None:
        """Write the effective weights of layers that are ranked together."""
        weights, into = [la.weight for la in layers], [la.effective.detach() for la in layers]
        self._keep_top(pack, layers, weights, into)
        for layer, effective in zip(layers, into, strict=True):
            if self.off != 0.0:  # kept: (1 - off) weight + off weight; else: off weight
                effective.mul_(1.0 - self.off).add_(layer.weight, alpha=self.off)
            if pack.trial.rescaling != "none":
                effective.mul_(self.rescaling(pack, layer))

    def _keep_top(
        self, pack: Pack, layers: Sequence[Layer], values: Sequence[Tensor], into: Sequence[Tensor]
    ) -> None:
        """Write the values with the top scores, else 0; both are [R, *shape] for each layer."""
        density, ranked = pack.trial.density, [self.ranked(layer) for layer in layers]
        if ranked[0].device.type != "cpu":
            self._keep_top_on_device(density, values, ranked, into)
            return
        for r in range(len(pack.trials)):
            replica = [[tensor[r] for tensor in each] for each in (values, ranked, into)]
            last = last_threshold(layers[0], r)
            if len(layers) > 1:
                keep_top_of_all(replica[0], replica[1], density, replica[2], last)
            else:  # without copies
                keep_top(replica[0][0], replica[1][0], density, replica[2][0], last)

    @staticmethod
    def _keep_top_on_device(
        density: float, values: Sequence[Tensor], ranked: Sequence[Tensor], into: Sequence[Tensor]
    ) -> None:
        """Do what `_keep_top` does for all replicas at once; all are [R, *shape] for each layer."""
        flat, scores = (torch.cat([t.flatten(1) for t in each], dim=1) for each in (values, ranked))
        kept = torch.empty_like(flat)
        keep_top_on_device(flat, scores, density, kept)
        sizes = [tensor[0].numel() for tensor in into]
        for part, target in zip(torch.split(kept, sizes, dim=1), into, strict=True):
            target.copy_(part.view_as(target))

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return 1 for the top scores, else `off`, [R, *shape]."""
        layers = pack.layers if self.of_all else [layer]
        ones = [torch.ones_like(each.weight) for each in layers]
        tops = [torch.empty_like(each) for each in ones]
        self._keep_top(pack, layers, ones, tops)
        off = torch.tensor(self.off, device=layer.weight.device)
        return torch.where(tops[layer.index if self.of_all else 0] > 0, 1.0, off)

    def kept(self, pack: Pack, layer: Layer) -> Tensor:
        """Return the number that the density asks for, [R]; of all layers together, what is kept.

        This is for rescaling, which only pruned layers have.
        """
        if self.of_all:
            return (layer.effective.detach() != 0).flatten(1).sum(dim=1, dtype=torch.float32)
        n = layer.weight[0].numel()
        kept = float(n - dropped(pack.trial.density, n))
        return torch.full((len(pack.trials),), kept, device=layer.weight.device)


def method(**parameters: bool) -> EdgePopup:
    """Return the method with the parameters in its name; `global` is a keyword of Python."""
    return EdgePopup(of_all=parameters["global"])
