"""Continuous sparsification (Savarese et al. 2020, arXiv:1912.04427) of fixed weights.

    in training  effective = weight * sigmoid(beta * score) / sigmoid(start)
    trained      effective = weight * 1[score > 0] / sigmoid(start)

All scores begin at ``start``. beta rises from 1 in the first epoch to ``final`` in the last one, by
the same factor in each, so that the soft mask hardens. The loss has ``l1`` times the sum of the
soft mask over all connections. Figures are those of the trained form, except the running ones of
training. ``start`` and ``l1`` set the fraction kept: ``continuous-sparsification(start=-0.1)``
keeps few connections. Without brackets start is 0, l1 1e-8, final 200, and there is one round.

``continuous-sparsification(rounds=3)`` has three rounds of the trial's epochs. Between two rounds
beta goes back to 1 and score <- min(final * score, start), so that what was dropped stays dropped.

With a start of 0 no score is above zero before the first step, so epoch 0 is recorded as a network
without connections.

The trial gives the rest of the authors' setting (their code, for a residual network): rounds 3,
epochs 85, weights glorot-normal, optimizer sgd, learning_rate 0.1, momentum 0.9, nesterov, schedule
late-steps, batch_size 128, with crops and mirrored images. Departure: they train the weights as
well, and in the end train those of the first epochs under the final mask; here weights are fixed.
"""

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods import Layer, Method, Pack
from trainers.methods._replicas import elementwise, sums

EXAMPLES = ("continuous-sparsification", "continuous-sparsification(rounds=3)")
PARAMETERS = {
    "start": (0.0, -10.0, 10.0),
    "l1": (1e-8, 0.0, 1.0),
    "final": (200.0, 1.0, 1e6),
    "rounds": (1, 1, 100),
}
NEEDS = {"trained_layers": "all"}  # a layer that is not trained would have no connection
LEAST_EPOCHS = 1


class ContinuousSparsification(Method):
    """Trains a soft mask that hardens.

    Attributes:
        start: the score that all connections begin with.
        l1: the coefficient of the sum of the soft mask in the loss.
        final: beta in the last epoch of a round.
    """

    by_mask = True
    trains_weights = False
    sets_kept_share = True

    def __init__(self, *, start: float, l1: float, final: float, rounds: int) -> None:
        self.start, self.l1, self.final, self._rounds = start, l1, final, rounds
        #: The factor of a connection that is kept: before training the soft mask is 1 everywhere.
        self._scale = 1 + math.exp(-start)

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Return as many rounds of the trial's epochs as the name says."""
        return (trial.epochs,) * self._rounds

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Set all scores to `start`; in later rounds go on from those that have hardened."""
        for layer in pack.layers:
            if number == 0:
                layer.trained = torch.full_like(layer.weight, self.start)
                layer.effective = torch.empty_like(layer.weight).requires_grad_()
            else:
                hardened = self._beta(pack.trial, pack.trial.epochs - 1)
                layer.trained.mul_(hardened).clamp_(max=self.start)
            self.rebuild(pack, layer)

    def begin_epoch(self, pack: Pack) -> None:
        """Write the effective weights with the epoch's beta."""
        for layer in pack.layers:
            self.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dscore = (dL/deffective * weight + l1) * dsoft mask/dscore."""
        chance = self._chance(pack, layer)
        beta = self._beta(pack.trial, pack.epoch)
        slope = chance.mul_(1 - chance).mul_(beta * self._scale)
        return gradient.mul_(layer.weight).add_(self.l1).mul_(slope)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * soft mask."""
        soft = self._chance(pack, layer).mul_(self._scale)
        torch.mul(layer.weight, soft, out=layer.effective.detach())

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return 1 where the score is above zero, else 0, [R, *shape]."""
        return (layer.trained > 0).to(layer.weight.dtype)

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Return each replica's scores, [R][*shape]."""
        return list(layer.trained)

    def deployed(self, pack: Pack) -> bool:
        """effective = weight * mask / sigmoid(start); return True."""
        for layer in pack.layers:
            mask = self.mask(pack, layer).mul_(self._scale)
            torch.mul(layer.weight, mask, out=layer.effective.detach())
        return True

    def penalty(self, pack: Pack) -> Tensor:
        """Return l1 times the sum of the soft mask over all connections, [R]."""
        each = [sums(self._chance(pack, layer)) for layer in pack.layers]
        return self.l1 * self._scale * functools.reduce(torch.add, each)

    def _chance(self, pack: Pack, layer: Layer) -> Tensor:
        """sigmoid(beta * score), [R, *shape]."""
        return elementwise(torch.sigmoid, self._beta(pack.trial, pack.epoch) * layer.trained)

    def _beta(self, trial: Trial, epoch: int) -> float:
        """Beta in an epoch of a round, from 0; 1 if there is only one."""
        return float(self.final ** (epoch / max(trial.epochs - 1, 1)))


method = ContinuousSparsification
