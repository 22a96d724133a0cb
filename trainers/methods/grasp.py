"""GraSP (Wang et al. 2020, arXiv:2002.07376, equation 8): pruning once, keeping gradient flow.

The connections with the largest weight * (H g) over all layers are kept: those whose removal would
lower the gradient's norm most. H g, the Hessian times the gradient, is the gradient of <g, g held
fixed>. The loss is that of one class-balanced batch with ten images per class, and the logits are
divided by 200, as in the authors' code. ``grasp(shuffled)`` permutes the mask within each layer.
Departures: before it scores, the authors' code draws the fully connected layers anew, and it takes
the batch in two halves, each with half of the classes. Here the weights are those that are trained,
and the batch is whole.
"""

import torch
from torch import Tensor

from trainers.batches import Batches
from trainers.methods import MaskedWeights, Pack
from trainers.methods._masks import balanced_loss, largest

EXAMPLES = ("grasp", "grasp(shuffled)")
PARAMETERS = {"shuffled": (False,)}
READS = ("density",)

_TEMPERATURE = 200


class Grasp(MaskedWeights):
    """Keeps the connections that preserve the gradient's flow."""

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor]:
        """Return masks of the largest weight * (H g), [R, *shape] for each layer."""
        leaves = [layer.effective for layer in pack.layers]
        gradients = torch.autograd.grad(
            balanced_loss(pack, batches, _TEMPERATURE), leaves, create_graph=True
        )
        flow = torch.stack([(g * g.detach()).sum() for g in gradients]).sum()
        products = torch.autograd.grad(flow, leaves)
        scores = [(w * hg).detach() for w, hg in zip(leaves, products, strict=True)]
        return largest(pack, scores, pack.trial.density)


method = Grasp
