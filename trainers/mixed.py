"""Several methods side by side in one pack, each with replicas of its own."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from studies.trial import Trial
from trainers import methods, pack_key
from trainers.batches import Batches
from trainers.methods import Method
from trainers.packs import Layer, Pack


def method_of(trials: Sequence[Trial]) -> Method:
    """The method of a pack's trials, or their methods side by side."""
    arms = pack_key.arms(trials)
    return methods.load(trials[0]) if len(arms) == 1 else Mixed(arms)


class Mixed(Method):
    """Hands each method its replicas; they are views of the pack's tensors.

    The methods say ``MIXES = True``, see `parts`.

    Args:
        arms: the pack's trials in their order, cut where the method changes.

    Raises:
        TypeError: a method says so, but is evaluated in states of its own.
    """

    def __init__(self, arms: Sequence[Sequence[Trial]]) -> None:
        self._methods = [methods.load(arm[0]) for arm in arms]
        ends = [0, *accumulate(map(len, arms))]
        rows = [slice(start, end) for start, end in pairwise(ends)]
        self._arms = list(zip(self._methods, rows, strict=True))
        for method in self._methods:
            own = (type(method).evaluated, type(method).expected)
            if own != (Method.evaluated, Method.expected):
                raise _unfit(method, "is evaluated in states of its own")

    @property
    def elementwise(self) -> bool:  # type: ignore[override]
        """Whether all the methods are."""
        return all(method.elementwise for method in self._methods)

    @property
    def capturable(self) -> bool:  # type: ignore[override]
        """Whether all the methods are."""
        return all(method.capturable for method in self._methods)

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Let each method begin with its replicas, and lay what it made side by side."""
        for layer in pack.layers:
            layer.trained = torch.empty_like(layer.weight)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
        for method, rows in self._arms:
            part = pack.part(rows)
            method.begin(part, number, batches)
            for whole, layer in zip(pack.layers, part.layers, strict=True):
                if layer.mask is not None or layer.start is not None:
                    raise _unfit(method, "keeps a mask or a start with its layers")
                whole.trained[rows] = layer.trained
                whole.effective.detach()[rows] = layer.effective.detach()
                if layer.price is not None:
                    each = (len(pack.trials), *layer.price.shape[1:])
                    whole.price = (
                        layer.price.new_zeros(each) if whole.price is None else whole.price
                    )
                    whole.price[rows] = layer.price

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Each method's dL/dtrained, [R, *shape]."""
        for method, rows in self._arms:
            given = gradient[rows]
            made = method.gradient(pack.part(rows), layer.part(rows), given)
            if made is not given:
                given.copy_(made)
        return gradient

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """Each method's effective weights."""
        for method, rows in self._arms:
            method.rebuild(pack.part(rows), layer.part(rows))

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Each method's masks, [R, *shape]."""
        masks = [m.mask(pack.part(rows), layer.part(rows)) for m, rows in self._arms]
        return torch.cat(masks)

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Each replica's scores, None for those of methods without."""
        each = (m.scores(pack.part(rows), layer.part(rows)) for m, rows in self._arms)
        return [scores for arm in each for scores in arm]

    def penalty(self, pack: Pack) -> Tensor:
        """Each method's penalties, [R]."""
        return torch.cat([method.penalty(pack.part(rows)) for method, rows in self._arms])


def _unfit(method: Method, reason: str) -> TypeError:
    return TypeError(f"{type(method).__name__} says MIXES = True, but {reason}")
