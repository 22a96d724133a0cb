"""Biprop (Diffenderfer & Kailkhura 2021, arXiv:2103.09377): pruned and binarised by scores.

    effective = alpha * sign(weight) if |score| is among the top of its layer, else 0
    alpha     = the mean |weight| of the connections that are kept

The user chooses the `density`. dL/dscore = sign(score) * weight * dL/deffective, straight through
the selection and past alpha, as in the authors' code. With weights of one magnitude it equals
edge-popup-official.

The trial gives the rest of the authors' setting for conv2 to conv6: rescaling scale-fan, weights
he-constant or he-normal, optimizer sgd, learning_rate 0.1, momentum 0.9, weight_decay 1e-4,
schedule cosine, batch_size 128, epochs 100, with crops and mirrored images. Activations stay real
numbers here; the authors have a form that binarises them as well.
"""

from torch import Tensor

from trainers.methods import Layer, Pack
from trainers.methods._replicas import sums
from trainers.methods.edge_popup_official import OfficialEdgePopup

MIXES = True
READS = ("score_seed", "density", "rescaling")


class Biprop(OfficialEdgePopup):
    """A connection is pruned or has the magnitude that its layer's kept weights have on average."""

    capturable = True

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = alpha * sign(weight) where |score| among the top, rescaled if asked for."""
        effective = layer.effective.detach()
        self._keep_top(pack, [layer], [layer.weight.sign()], [effective])
        effective.mul_(self._magnitude(pack, layer, effective))
        if pack.trial.rescaling != "none":
            effective.mul_(self.rescaling(pack, layer))

    def _magnitude(self, pack: Pack, layer: Layer, signs: Tensor) -> Tensor:
        """Alpha, [R, 1, ...], from the signs of the weights that are kept, [R, *shape]."""
        alpha = sums(layer.weight * signs) / self.kept(pack, layer)
        return alpha.view(-1, *[1] * (layer.weight.dim() - 1))


METHOD = Biprop()
