"""What all engines have in common: the training step around the backward pass."""

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
        steps: that the round takes, for the learning rate's schedule.
    """

    name: str

    def __init__(self, pack: Pack, method: Method, steps: int) -> None:
        self.pack, self.method = pack, method
        self._steps, self._steps_taken = steps, 0
        #: The scales and shifts of each replica's batch normalisations.
        self._affine = [list(norms.parameters()) for norms in pack.norms] or [[]] * len(pack.trials)
        #: The layers that the method's `gradient` and `rebuild` are called with.
        self._graded: Sequence[Layer] = pack.layers
        self._rebuilt: Sequence[Layer] = pack.layers
        trained = self._lay_out()
        self._optimizer = Optimizer(pack.trials, self._by_replica(trained, self._affine))

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one training step.

        Args:
            images: normalised, [R, B, channels, height, width].
            labels: [R, B].

        Returns:
            The logits before the step, [R, B, classes].
        """
        self.set_rate()
        return self.update(images, labels)

    def set_rate(self) -> None:
        """Set the step's learning rate: the part of a step that the host computes."""
        progress = self._steps_taken / self._steps
        self._optimizer.scale_rates(schedules.factor(self.pack.trial.schedule, progress))
        self._steps_taken += 1

    @torch.no_grad()
    def update(self, images: Tensor, labels: Tensor) -> Tensor:
        """Do the rest of a step: the device's part, which a CUDA graph can hold; see `step`."""
        logits, gradients = self.backward(images, labels)  # forward pass, loss, backward pass
        self._turn(gradients)  # the method makes dL/dtrained of dL/deffective
        self._optimize(gradients)  # Adam or SGD moves what is trained
        self._rebuild()  # the method writes the effective weights that follow
        return logits

    def backward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """Compute the forward pass and the gradients of the batch's mean cross-entropy.

        `Autograd` computes the loss and has autograd differentiate it. `Mlp` writes the gradients
        out and needs no loss.

        Returns:
            Logits [R, B, classes], and dL/deffective of each of `_graded`. The gradients of batch
            normalisation stay with its parameters.
        """
        raise NotImplementedError

    def state(self) -> dict[str, Tensor]:
        """Return its state by name.

        These are the live tensors, not copies: save them before the next step.
        """
        return self._optimizer.state() | {"taken": torch.tensor(self._steps_taken)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        self._steps_taken = int(state["taken"])
        for name, tensor in self._optimizer.state().items():
            tensor.copy_(state[name])

    def _lay_out(self) -> Sequence[Tensor]:
        """Prepare the pack's tensors, and return what the optimiser moves, each [R, ...]."""
        return [layer.trained for layer in self.pack.layers]

    def _turn(self, gradients: Sequence[Tensor]) -> None:
        """Turn dL/deffective of each of `_graded` into dL/dtrained, in place."""
        for layer, gradient in zip(self._graded, gradients, strict=True):
            turned = self.method.gradient(self.pack, layer, gradient)
            if turned is not gradient:
                gradient.copy_(turned)

    def _optimize(self, gradients: Sequence[Tensor]) -> None:
        """Take the optimiser's step, along dL/dtrained of each of `_graded`."""
        affine = [[_gradient(p) for p in parameters] for parameters in self._affine]
        self._optimizer.step(self._by_replica(gradients, affine))

    def _rebuild(self) -> None:
        """Write the effective weights of each of `_rebuilt`."""
        for layer in self._rebuilt:
            self.method.rebuild(self.pack, layer)

    @staticmethod
    def _by_replica(
        tensors: Sequence[Tensor], affine: Sequence[Sequence[Tensor]]
    ) -> list[list[Tensor]]:
        """Each replica's rows of tensors [R, ...], followed by those of its batch normalisation."""
        replicas = zip(*(tensor.unbind() for tensor in tensors), strict=True)
        return [[*rows, *more] for rows, more in zip(replicas, affine, strict=True)]


def _gradient(parameter: Tensor) -> Tensor:
    """The gradient that the backward pass has left with a parameter."""
    assert parameter.grad is not None  # noqa: S101
    return parameter.grad
