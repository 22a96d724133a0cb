"""Edge-popup as its authors train it (Ramanujan et al. 2020, arXiv:1911.13299, and their code).

The top |score| are kept, so that dL/dscore = sign(score) * weight * dL/deffective; without the sign
the training collapses. Scores start uniform within +-1 / sqrt(fan_in). The trial gives the rest of
the authors' setting: optimizer sgd, learning_rate 0.1, momentum 0.9, weight_decay 1e-4, schedule
cosine, batch_size 128, and 100 epochs with crops and mirrored images. At batch 128 an epoch has a
fifth of the steps that it has at batch 25.
"""

import math

from torch import Tensor

from studies.trial import Trial
from trainers.methods import Layer, Pack, uniform_scores
from trainers.methods.edge_popup import EdgePopup

MIXES = True
READS = ("score_seed", "density", "rescaling")


class OfficialEdgePopup(EdgePopup):
    """A connection is pruned while the size of its score is among the lowest of its layer."""

    capturable = True

    def initial_scores(self, trial: Trial, layer: Layer) -> Tensor:
        """Draw scores uniform within +-1 / sqrt(fan_in), as PyTorch starts a layer's weights."""
        end = 1 / math.sqrt(layer.weight[0, 0].numel())
        return uniform_scores(trial, layer, -end, end)

    def ranked(self, layer: Layer) -> Tensor:
        """Return the sizes of the scores, of their shape."""
        return layer.trained.abs()

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dscore = sign(score) * weight * dL/deffective."""
        return super().gradient(pack, layer, gradient).mul_(layer.trained.sign())


METHOD = OfficialEdgePopup()
