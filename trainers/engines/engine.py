"""What all engines have in common: a training step around the gradients."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from trainers import schedules
from trainers.methods import Method
from trainers.optimizers import Optimizer
from trainers.packs import Layer, Pack


class Engine:
    """Takes training steps with a pack; a subclass says how the gradients are computed.

    Args:
        pack: begun by the method.
        method: of all trials of the pack.
        steps: that the round will take, for the learning rate's schedule.
    """

    name: str

    def __init__(self, pack: Pack, method: Method, steps: int) -> None:
        self.pack, self.method = pack, method
        self._steps, self._taken = steps, 0
        #: Of each replica's batch normalisations.
        self._beside = [list(norms.parameters()) for norms in pack.norms] or [[]] * len(pack.trials)
        #: The layers as the method is handed them, for their gradients and to rebuild them.
        self._graded: Sequence[Layer] = pack.layers
        self._rebuilt: Sequence[Layer] = pack.layers
        trained = self._lay_out()
        self._optimizer = Optimizer(pack.trials, self._by_replica(trained, self._beside))

    def _lay_out(self) -> Sequence[Tensor]:
        """Prepare the pack's tensors, and say what the optimiser is handed, each [R, ...]."""
        return [layer.trained for layer in self.pack.layers]

    def _backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """Forward and backward pass of the batch's mean cross-entropy.

        Returns:
            Logits [R, B, classes], and dL/deffective of each of `_graded`; gradients of batch
            normalisations are left with their parameters.
        """
        raise NotImplementedError

    def _move(self, gradients: Sequence[Tensor]) -> None:
        """Take the optimiser's step, along dL/dtrained of each of `_graded`."""
        beside = [[_gradient(p) for p in norms] for norms in self._beside]
        self._optimizer.step(self._by_replica(gradients, beside))

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One training step.

        Args:
            images: normalised, [R, B, channels, height, width].
            labels: [R, B].

        Returns:
            The logits that it began with, [R, B, classes].
        """
        self.prepare()
        return self.advance(images, labels)

    def prepare(self) -> None:
        """What of a step is no work of the device: its learning rate."""
        progress = self._taken / self._steps
        self._optimizer.scale_rates(schedules.factor(self.pack.trial.schedule, progress))
        self._taken += 1

    @torch.no_grad()
    def advance(self, images: Tensor, labels: Tensor) -> Tensor:
        """The work of the device, which a CUDA graph can hold; see `step`."""
        logits, gradients = self._backward(images, labels)
        for layer, gradient in zip(self._graded, gradients, strict=True):
            made = self.method.gradient(self.pack, layer, gradient)
            if made is not gradient:
                gradient.copy_(made)
        self._move(gradients)
        for layer in self._rebuilt:
            self.method.rebuild(self.pack, layer)
        return logits

    def state(self) -> dict[str, Tensor]:
        """What it knows, by name: copies of nothing, so write them before a step."""
        return self._optimizer.state() | {"taken": torch.tensor(self._taken)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self._taken = int(state["taken"])
        for name, tensor in self._optimizer.state().items():
            tensor.copy_(state[name])

    @staticmethod
    def _by_replica(
        tensors: Sequence[Tensor], beside: Sequence[Sequence[Tensor]]
    ) -> list[list[Tensor]]:
        """For each replica its parts of tensors [R, ...], and what it has beside."""
        replicas = zip(*(tensor.unbind() for tensor in tensors), strict=True)
        return [[*own, *more] for own, more in zip(replicas, beside, strict=True)]


def _gradient(parameter: Tensor) -> Tensor:
    """What the backward pass has left with a parameter."""
    assert parameter.grad is not None  # noqa: S101
    return parameter.grad
