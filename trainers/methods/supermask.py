"""Supermasks (Zhou et al. 2019, arXiv:1905.01067, section 4.1): connections kept by chance.

At every forward pass a connection is kept with the probability sigmoid(score), drawn anew;
dL/dscore = dL/deffective * weight * sigmoid'(score). Scores start at 0. It needs no density and no
threshold. Evaluation draws ten masks and averages their figures, as the authors' code does;
`expected_test_accuracy` is that of the expected mask, weight * sigmoid(score).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers import randomness
from trainers.batches import Batches
from trainers.methods import Layer, Method, Pack

#: Masks that an evaluation averages over.
_DRAWS = 10


class Supermask(Method):
    """Trains the probability of each connection; the weights stay as drawn."""

    trains_weights = False

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Scores of 0: every connection is kept in half of the passes."""
        for layer in pack.layers:
            layer.trained = torch.zeros_like(layer.weight)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            self.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dscore = dL/deffective * weight * sigmoid(score) (1 - sigmoid(score))."""
        layer.passes += 1
        chance = layer.trained.sigmoid()
        return gradient.mul_(layer.weight).mul_(chance).mul_(1 - chance)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * mask, the mask drawn for this pass."""
        _draw(pack, layer, 0)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """The mask of this pass: 1 kept, 0 pruned."""
        return (layer.effective.detach() != 0).float()

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Each replica's scores, of which the sigmoids are the chances."""
        return list(layer.trained)

    def evaluated(self, pack: Pack) -> Iterator[None]:
        """Ten masks, drawn for the evaluation."""
        for draw in range(1, _DRAWS + 1):
            for layer in pack.layers:
                _draw(pack, layer, draw)
            yield
        for layer in pack.layers:
            self.rebuild(pack, layer)

    def expected(self, pack: Pack) -> bool:
        """effective = weight * sigmoid(score)."""
        for layer in pack.layers:
            torch.mul(layer.weight, layer.trained.sigmoid(), out=layer.effective.detach())
        return True


def _draw(pack: Pack, layer: Layer, draw: int) -> None:
    """effective = weight where a random number lies below sigmoid(score), else 0."""
    n, turn = layer.weight[0].numel(), layer.passes * (_DRAWS + 1) + draw
    numbers = np.stack([_uniform(trial.seed, layer.index, n, turn) for trial in pack.trials])
    uniform = torch.from_numpy(numbers).to(layer.weight.device).view_as(layer.weight)
    torch.mul(layer.weight, uniform < layer.trained.sigmoid(), out=layer.effective.detach())


def _uniform(seed: int, layer: int, n: int, turn: int) -> npt.NDArray[np.float32]:
    """Uniform numbers of 24 bits, two from each raw word, [n]."""
    words = randomness.bits(seed, "mask", layer, (n + 1) // 2, turn).view(np.uint32)[:n]
    return (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


METHOD = Supermask()
