"""Supermasks (Zhou et al. 2019, arXiv:1905.01067, section 4.1): connections kept by chance.

Every forward pass draws a mask: a connection is kept with the probability sigmoid(score), and
dL/dscore = dL/deffective * weight * sigmoid'(score). Scores start at 0. It needs no density and no
threshold. An evaluation draws ten masks and averages their figures, as the authors' code does;
`expected_test_accuracy` is the accuracy of the expected mask, weight * sigmoid(score).

With `rescaling` the effective weights of a layer are multiplied as in pruning, by what the drawn
mask keeps; the gradient goes through the factor `dynamic`, as in the authors' code. The trial gives
their setting: weights glorot-normal or he-constant, optimizer sgd, learning_rate 100, momentum 0.9,
batch_size 250, 2,000 epochs.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from trainers.batches import Batches
from trainers.methods import Layer, Method, Pack
from trainers.methods._connections import rescaling_factor
from trainers.methods._draws import uniform
from trainers.methods._replicas import elementwise, sums

READS = ("rescaling",)

#: The number of masks that an evaluation averages over.
_DRAWS = 10


class Supermask(Method):
    """Trains the probability of each connection; the weights stay as drawn."""

    trains_weights = False

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Set all scores to 0: every connection is kept in half of the forward passes."""
        for layer in pack.layers:
            layer.trained = torch.zeros_like(layer.weight)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            self.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dscore = dL/dmask * sigmoid(score) (1 - sigmoid(score)).

        dL/dmask = dL/deffective * weight * factor. If the factor is size / (1 + kept), so that it
        depends on the mask as well, dL/deffective * weight is taken from its sum over the kept
        connections, divided by 1 + kept.
        """
        layer.steps += 1
        probability = elementwise(torch.sigmoid, layer.trained)
        gradient.mul_(layer.weight)
        if pack.trial.rescaling != "none":
            kept = _kept(layer.effective.detach())
            if pack.trial.rescaling == "dynamic":
                mean = sums(gradient * self.mask(pack, layer)) / (1 + kept)
                gradient.sub_(mean.view(-1, *[1] * (layer.weight.dim() - 1)))
            gradient.mul_(rescaling_factor(pack.trial, layer, kept))
        return gradient.mul_(probability).mul_(1 - probability)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * mask, the mask drawn for this step."""
        _draw(pack, layer, 0)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return the mask of this step: 1 kept, 0 pruned, [R, *shape]."""
        return (layer.effective.detach() != 0).float()

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Return each replica's scores, [R][*shape]; their sigmoids are the probabilities."""
        return list(layer.trained)

    def evaluated(self, pack: Pack) -> Iterator[None]:
        """Draw ten masks for the evaluation, one after another; then restore the step's own."""
        for draw in range(1, _DRAWS + 1):
            for layer in pack.layers:
                _draw(pack, layer, draw)
            yield
        for layer in pack.layers:
            self.rebuild(pack, layer)

    def expected(self, pack: Pack) -> bool:
        """Set effective = weight * sigmoid(score), and return True."""
        for layer in pack.layers:
            probability = elementwise(torch.sigmoid, layer.trained)
            _write(pack, layer, probability, kept=sums(probability))
        return True


def _draw(pack: Pack, layer: Layer, draw: int) -> None:
    """effective = weight where a random number is below sigmoid(score), else 0."""
    drawn = uniform(pack, layer, layer.steps * (_DRAWS + 1) + draw)
    mask = (drawn < elementwise(torch.sigmoid, layer.trained)).to(layer.weight.dtype)
    _write(pack, layer, mask, kept=_kept(mask))


def _write(pack: Pack, layer: Layer, mask: Tensor, kept: Tensor) -> None:
    """effective = weight * mask, rescaled if the trial says so by what the mask keeps, [R]."""
    effective = layer.effective.detach()
    torch.mul(layer.weight, mask, out=effective)
    if pack.trial.rescaling != "none":
        effective.mul_(rescaling_factor(pack.trial, layer, kept))


def _kept(values: Tensor) -> Tensor:
    """How many are not zero, [R]."""
    return (values != 0).flatten(1).sum(dim=1, dtype=torch.float32)


METHOD = Supermask()
