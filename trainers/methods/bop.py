"""Bop (Helwegen et al. 2019, arXiv:1906.02107, algorithm 1): flipping by a threshold on momentum.

    m     <- (1 - rate) m + rate * dL/deffective
    state <- -state  where |m| >= tau and m has the sign of the effective weight
    effective = weight * state, state 1 or -1

So a sign is flipped as soon as the mean gradient has pushed against it for long enough, and flipped
back by the same rule. This is the published flipping that needs a threshold: ``bop(tau=1e-05)``;
without brackets, tau is 1e-6. m is what is trained. It starts at zero and moves by plain SGD along
m - dL/deffective, so that the `learning_rate` is the authors' adaptivity rate. A scale and shift of
batch normalisation take the same rate.

Chen et al. (2022, Peek-a-Boo) train the signs of random weights so, with rate 1e-3, tau 1e-6, he-
normal, batch_size 128 and 180 epochs. Departures: their rate is multiplied by 0.15 at 1/4, 1/2 and
3/4 of the training, the schedule steps by 0.1 at 2/5, 3/5 and 4/5. They first prune to 0.3 by
SynFlow, compute gradients of low precision, and their m starts at the first gradient, which flips
about half of all signs at once.
"""

import torch
from torch import Tensor

from trainers.batches import Batches
from trainers.methods import Layer, Method, Pack

EXAMPLES = ("bop", "bop(tau=1e-05)")
PARAMETERS = {"tau": (1e-6, 0.0, 1.0)}
NEEDS = {"optimizer": "sgd"}
REFUSES = ("momentum", "nesterov", "weight_decay", "decoupled_decay")


class Bop(Method):
    """Flips a sign when the running mean of its gradient exceeds a threshold.

    Attributes:
        tau: the threshold.
    """

    capturable = True
    by_mask = True
    trains_weights = False
    flips = True
    sets_kept_share = True

    def __init__(self, *, tau: float) -> None:
        self.tau = tau

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Start with no momentum and no sign flipped."""
        for layer in pack.layers:
            layer.trained = torch.zeros_like(layer.weight)
            layer.mask = torch.ones_like(layer.weight)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            self.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Return m - dL/deffective: a step of SGD along it makes m the running mean."""
        return gradient.neg_().add_(layer.trained)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """Flip the signs that momentum pushes against; effective = weight * state."""
        momentum = layer.trained
        if layer.mask is None:  # restored from its mask: 1 for a sign that was kept
            layer.mask = torch.where(momentum > 0, 1.0, -1.0)
        else:
            against = momentum.sign() * layer.weight.sign() * layer.mask > 0
            flipped = against & (momentum.abs() >= self.tau)
            layer.mask.copy_(torch.where(flipped, -layer.mask, layer.mask))
        torch.mul(layer.weight, layer.mask, out=layer.effective.detach())

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Return each replica's momentum, [R][*shape], which takes the place of scores."""
        return list(layer.trained)


method = Bop
