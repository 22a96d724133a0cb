"""Several methods side by side in one pack, each with its own replicas."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from trainers.batches import Batches
from trainers.methods._base import Method
from trainers.methods._combined import Combined
from trainers.packs import Layer, Pack

#: What changes the state of a whole pack.
_STATES = ("evaluated", "deployed", "expected")


class Mixed(Combined):
    """Calls each method with its replicas, which are views of the pack's tensors.

    The methods declare ``MIXES = True``, see `trainers.registry`.

    Args:
        arms: each method with its number of replicas, in the order of the pack's trials.

    Raises:
        TypeError: a method declares so, but is evaluated in states of its own.
    """

    def __init__(self, arms: Sequence[tuple[Method, int]]) -> None:
        super().__init__(*(method for method, _ in arms))
        ends = [0, *accumulate(count for _, count in arms)]
        self._rows = [slice(start, end) for start, end in pairwise(ends)]
        for method in self.methods:
            if any(getattr(type(method), name) is not getattr(Method, name) for name in _STATES):
                raise _unfit(method, "is evaluated in states of its own")

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Let each method begin with its replicas, and copy their tensors into the pack's."""
        for layer in pack.layers:
            layer.trained = torch.empty_like(layer.weight)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
        for method, rows in self._arms():
            replicas = pack.replicas(rows)
            method.begin(replicas, number, batches)
            for whole, layer in zip(pack.layers, replicas.layers, strict=True):
                if layer.mask is not None or layer.start is not None:
                    raise _unfit(method, "keeps a mask or a start with its layers")
                whole.trained[rows] = layer.trained
                whole.effective.detach()[rows] = layer.effective.detach()
                if layer.penalty_gradient is not None:
                    if whole.penalty_gradient is None:
                        one_each = (len(pack.trials), *layer.penalty_gradient.shape[1:])
                        whole.penalty_gradient = layer.penalty_gradient.new_zeros(one_each)
                    whole.penalty_gradient[rows] = layer.penalty_gradient

    def begin_epoch(self, pack: Pack) -> None:
        """Let each method set up the epoch for its replicas."""
        for method, rows in self._arms():
            method.begin_epoch(pack.replicas(rows))

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Write each method's dL/dtrained into the gradient, [R, *shape]."""
        for method, rows in self._arms():
            given = gradient[rows]
            turned = method.gradient(pack.replicas(rows), layer.replicas(rows), given)
            if turned is not given:
                given.copy_(turned)
        return gradient

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """Write each method's effective weights."""
        for method, rows in self._arms():
            method.rebuild(pack.replicas(rows), layer.replicas(rows))

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return the masks of all methods, [R, *shape]."""
        return torch.cat([m.mask(pack.replicas(r), layer.replicas(r)) for m, r in self._arms()])

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Return each replica's scores, [R][*shape], None for those of methods without."""
        each = [m.scores(pack.replicas(r), layer.replicas(r)) for m, r in self._arms()]
        return [scores for arm in each for scores in arm]

    def penalty(self, pack: Pack) -> Tensor:
        """Return the penalties of all methods, [R]."""
        return torch.cat([m.penalty(pack.replicas(rows)) for m, rows in self._arms()])

    def _arms(self) -> Iterator[tuple[Method, slice]]:
        """Each method with the rows of its replicas."""
        return zip(self.methods, self._rows, strict=True)


def _unfit(method: Method, reason: str) -> TypeError:
    return TypeError(f"{type(method).__name__} says MIXES = True, but {reason}")
