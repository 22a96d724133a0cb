"""Weights trained under a mask that connections were trained to: is it the mask that matters?"""

from collections.abc import Sequence

import torch
from torch import Tensor

from studies.trial import Trial
from trainers import weights
from trainers.batches import Batches
from trainers.methods import Connections, Layer, Method, Pack, shuffled


class LearnedMask(Method):
    """Trains connections for the trial's epochs, then the weights under their mask for as many.

    The first round is, to the bit, the training of the trial with `connections`.

    Args:
        connections: the method that trains the mask.
        shuffled: whether the mask is permuted within each layer before the weights are trained.
        redrawn: whether the weights are drawn anew for it.
    """

    capturable = True

    def __init__(
        self, connections: Connections, *, shuffled: bool = False, redrawn: bool = False
    ) -> None:
        self._connections, self._shuffled, self._redrawn = connections, shuffled, redrawn

    @property
    def flips(self) -> bool:  # type: ignore[override]
        """Whether the connections' method does."""
        return self._connections.flips

    def rounds(self, trial: Trial) -> Sequence[int]:
        """One of connections and one of weights."""
        return (trial.epochs, trial.epochs)

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
            layer.mask = mask.abs()  # what is flipped is trained like the rest

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """The connections', then that of the weights; a weight that is pruned gets none."""
        if pack.round == 0:
            return self._connections.gradient(pack, layer, gradient)
        return gradient if layer.mask is None else gradient.mul_(layer.mask)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """The connections' effective weights, then the weights themselves."""
        if pack.round == 0:
            self._connections.rebuild(pack, layer)
        else:
            super().rebuild(pack, layer)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """The connections' mask, then 1 for each weight that is trained, else 0; [R, *shape]."""
        if pack.round == 0 or layer.mask is None:
            return self._connections.mask(pack, layer)
        return layer.mask

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """The connections' scores, then none."""
        if pack.round == 0:
            return self._connections.scores(pack, layer)
        return super().scores(pack, layer)

    def _weights(self, pack: Pack, layer: Layer) -> Tensor:
        """As drawn, or drawn anew, [R, *shape]."""
        if not self._redrawn:
            return layer.weight
        shape = pack.network.layers[layer.index]
        drawn = [weights.draw(weights.redrawn(t), layer.index, shape) for t in pack.trials]
        return torch.stack(drawn).to(layer.weight.device)
