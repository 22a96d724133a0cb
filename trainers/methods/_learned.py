"""Weights trained under a mask that connections were trained to: is it the mask that matters?"""

from collections.abc import Sequence

import torch
from torch import Tensor

from studies.trial import Trial
from trainers import weights
from trainers.batches import Batches
from trainers.methods._base import MaskedWeights, Method, shuffled
from trainers.methods._combined import Combined
from trainers.methods._connections import Connections
from trainers.packs import Layer, Pack


class LearnedMask(Combined):
    """Trains connections for the trial's epochs, then the weights under their mask for as many.

    The first round equals the training of a trial with `connections` to the bit.

    Args:
        connections: the method that trains the mask.
        shuffled: whether the mask is permuted within each layer before the weights are trained.
        redrawn: whether the weights are drawn anew for it.
    """

    def __init__(
        self, connections: Connections, *, shuffled: bool = False, redrawn: bool = False
    ) -> None:
        super().__init__(connections, MaskedWeights())
        self._connections, self._shuffled, self._redrawn = connections, shuffled, redrawn

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Return one round of connections and one of weights."""
        return (trial.epochs, trial.epochs)

    def active(self, pack: Pack) -> Method:
        """Return the connections in the first round, the weights in the second."""
        return self.methods[pack.round]

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Begin with the scores; then with the weights as the mask leaves them."""
        if number == 0:
            self._connections.begin(pack, number, batches)
            return
        for layer in pack.layers:
            mask = self._connections.mask(pack, layer)
            if self._shuffled:
                mask = shuffled(pack.trials, layer.index, mask)
            layer.effective = (self._weights(pack, layer) * mask).requires_grad_()
            layer.trained = layer.effective.detach()
            layer.mask = mask.abs()  # a flipped weight is trained like the rest

    def _weights(self, pack: Pack, layer: Layer) -> Tensor:
        """Return the weights as drawn, or drawn anew, [R, *shape]."""
        if not self._redrawn:
            return layer.weight
        shape = pack.network.layers[layer.index]
        drawn = [weights.draw(weights.redrawn(t), layer.index, shape) for t in pack.trials]
        return torch.stack(drawn).to(layer.weight.device)
