"""Gem-Miner (Sreenivasan et al. 2022, arXiv:2202.12002, algorithm 1): pruned while scores train.

    effective = weight * 1[score > 1/2] * active
    dL/dscore = dL/deffective * weight * active + 2 l2 score, straight through

Scores start uniform in [0, 1] and are clipped to it after each step. After every ``period`` epochs
the lowest scores among the active connections of all layers are made inactive for good: each time
the same fraction, so that after the last time at most the `density` is active. Of the active ones,
those with a score up to 1/2 are pruned as well. Scores that equal the highest one that is dropped
are dropped with it, so that all scores at zero go together. l2 prices what is kept, beside the
density: ``gem-miner(l2=0.0001,period=2)``. Without brackets l2 is 1e-5 and the period 5. The
training must be longer than one period.

The trial gives the rest of the authors' setting (their code, for residual networks): weights
he-constant, optimizer sgd, learning_rate 0.1, momentum 0.9, schedule cosine, batch_size 128, epochs
150, with crops and mirrored images; l2 follows the density: 1e-8 at 0.5, 1e-5 at 0.2, 3e-5 at
0.0372, 1e-4 at 0.0144 and below. Departures: they make connections inactive one epoch later, and in
the end train the weights of what they find; here no weight is trained.
"""

import functools
import math

import torch
from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods import Connections, Layer, Pack, uniform_scores
from trainers.methods._masks import threshold
from trainers.methods._replicas import sums

EXAMPLES = ("gem-miner", "gem-miner(l2=0.0001)")
PARAMETERS = {"l2": (1e-5, 0.0, 1.0), "period": (5, 1, 1000)}
READS = ("score_seed", "density")
NEEDS = {"trained_layers": "all"}
LEAST_EPOCHS = 1

#: A connection is kept if its score is above this, the middle of the range.
_THRESHOLD = 0.5


class GemMiner(Connections):
    """Prunes a connection while its score is low, and for good while it is among the lowest.

    Attributes:
        l2: the coefficient of the sum of squared scores in the loss.
        period: the number of epochs between two times that connections are made inactive.
    """

    off = 0.0
    capturable = True
    sets_kept_share = True

    def __init__(self, *, l2: float, period: int) -> None:
        self.l2, self.period = l2, period

    def initial_scores(self, trial: Trial, layer: Layer) -> Tensor:
        """Draw scores uniform in [0, 1]."""
        return uniform_scores(trial, layer, 0.0, 1.0)

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Draw the scores; all connections are active."""
        for layer in pack.layers:
            layer.mask = torch.ones_like(layer.weight)
        super().begin(pack, number, batches)

    def begin_epoch(self, pack: Pack) -> None:
        """Make the lowest scores inactive, if it is time."""
        if pack.epoch > 0 and pack.epoch % self.period == 0:
            times = (pack.trial.epochs - 1) // self.period
            for r in range(len(pack.trials)):
                _drop(pack, r, 1 - pack.trial.density ** (1 / times))
            for layer in pack.layers:
                self.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dscore = dL/deffective * weight * active + 2 l2 score."""
        assert layer.mask is not None  # noqa: S101  (`begin` has set it)
        gradient.mul_(layer.weight).mul_(layer.mask)
        return gradient.add_(layer.trained, alpha=2 * self.l2)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """Clip the scores; effective = weight * 1[score > 1/2] * active."""
        layer.trained.clamp_(0, 1)
        torch.mul(layer.weight, self.mask(pack, layer), out=layer.effective.detach())

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return 1 where the score is above 1/2 and the connection active, else 0, [R, *shape]."""
        kept = (layer.trained > _THRESHOLD).to(layer.weight.dtype)
        return kept if layer.mask is None else kept.mul_(layer.mask)

    def penalty(self, pack: Pack) -> Tensor:
        """Return l2 times the sum of squared scores, [R]."""
        each = [sums(layer.trained.square()) for layer in pack.layers]
        return self.l2 * functools.reduce(torch.add, each)


def _drop(pack: Pack, r: int, fraction: float) -> None:
    """Make at least this fraction of a replica's active connections inactive, the lowest scores."""
    active = [(layer.trained[r], layer.mask[r]) for layer in pack.layers if layer.mask is not None]
    scores = torch.cat([trained[mask > 0] for trained, mask in active])
    count = math.ceil(fraction * len(scores))
    if count:
        highest, _ = threshold(scores, count)
        for trained, mask in active:
            mask.mul_(trained > highest)


method = GemMiner
