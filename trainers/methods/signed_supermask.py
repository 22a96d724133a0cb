"""Signed supermasks (Koster et al. 2022, arXiv:2201.13361): keep, hide or invert a connection.

    effective = weight * sign(score)  if |score| > threshold
                0                     else
    dL/dscore = dL/deffective * weight, straight through to every score

A layer's threshold is a constant: ``tau`` times the layer's largest |score| before training. The
scores start uniform within +-sqrt(6 / (fan_in + fan_out)). So ``signed-supermask(tau=0.75)`` hides
about three quarters of the connections at the start; without brackets, tau is 0.4. Connections that
are hidden or inverted count as changed. The density is the fraction that is not hidden; decay moves
scores below the threshold, and so lowers it.

The trial gives the rest of the authors' setting (their code, for LeNet): weights elu-constant,
activation elu, optimizer sgd, learning_rate 0.05, momentum 0.9, nesterov, decoupled_decay 5e-4,
schedule exponential, batch_size 128, epochs 100. Departures: they standardise each image by itself,
train on all training images, and their momentum holds the rate of earlier steps.
"""

import math

import torch
from torch import Tensor

from studies.trial import Trial
from trainers.methods import Connections, Layer, Pack, uniform_scores

EXAMPLES = ("signed-supermask", "signed-supermask(tau=0.75)")
PARAMETERS = {"tau": (0.4, 0.0, 0.999)}
READS = ("score_seed",)


class SignedSupermask(Connections):
    """Hides a connection while the size of its score is small; else the score's sign is its own.

    Attributes:
        tau: a layer's threshold as a fraction of its largest |score| before training.
    """

    off = 0.0
    capturable = True
    by_mask = False  # which has two states
    sets_kept_share = True

    def __init__(self, *, tau: float) -> None:
        self.tau = tau

    def initial_scores(self, trial: Trial, layer: Layer) -> Tensor:
        """Draw scores uniform within +-sqrt(6 / (fan_in + fan_out)), as Glorot & Bengio (2010)."""
        outputs, inputs, *field = layer.weight.shape[1:]
        end = math.sqrt(6 / ((inputs + outputs) * math.prod(field)))
        return uniform_scores(trial, layer, -end, end)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * mask."""
        torch.mul(layer.weight, self.mask(pack, layer), out=layer.effective.detach())

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return sign(score) where |score| is above the threshold, else 0; [R, *shape]."""
        if layer.threshold is None:
            starts = [self.initial_scores(trial, layer) for trial in pack.trials]
            largest = torch.stack([scores.abs().max() for scores in starts])
            one_each = (-1, *[1] * (layer.weight.dim() - 1))
            layer.threshold = (self.tau * largest).view(one_each).to(layer.weight.device)
        above = layer.trained.abs() > layer.threshold
        return layer.trained.sign().mul_(above)


method = SignedSupermask
