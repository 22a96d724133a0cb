"""The readable engine: autograd with the effective weights as its leaves, a fused optimiser.

The gradient of the effective weight is all that a method needs, so the mask is no part of the
graph; this is bit-identical to a straight-through autograd function per layer, and faster.
"""

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from studies.trial import Trial
from trainers import schedules
from trainers.methods import Method, Pack

NAME = "leaf"


class Leaf:
    """Takes training steps with a pack.

    Args:
        pack: begun by the method.
        method: of all trials of the pack.
        steps: that the round will take, for the learning rate's schedule.
    """

    def __init__(self, pack: Pack, method: Method, steps: int) -> None:
        self._pack, self._method, self._steps, self._taken = pack, method, steps, 0
        # A parameter per replica: the fused step rounds by a number's place in its tensor, and a
        # replica must get the same bits in a pack as alone.
        self._trained = [replica for layer in pack.layers for replica in layer.trained.unbind()]
        self._beside = [p for norms in pack.norms for p in norms.parameters()]
        self._optimizer = _optimizer(pack.trial, [*self._trained, *self._beside])

    def step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One training step.

        Args:
            images: normalised, [R, B, channels, height, width].
            labels: [R, B].

        Returns:
            Cross-entropy summed over the batch and number of correct answers, both [R].
        """
        pack, method = self._pack, self._method
        logits = pack.logits(images)
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        loss = loss.view(labels.shape).sum(dim=1)
        (loss.sum() / labels.shape[1]).backward()  # type: ignore[no-untyped-call]
        for trained, gradient in zip(self._trained, self._gradients(), strict=True):
            trained.grad = gradient
        rate = schedules.factor(pack.trial.schedule, self._taken / self._steps)
        self._optimizer.param_groups[0]["lr"] = pack.trial.learning_rate * rate
        self._optimizer.step()
        self._taken += 1
        for parameter in self._beside:
            parameter.grad = None
        for layer in pack.layers:
            layer.effective.grad = None
            method.rebuild(pack, layer)
        return loss.detach(), (logits.detach().argmax(dim=2) == labels).sum(dim=1)

    def state(self) -> dict[str, Tensor]:
        """What the optimiser knows, by name: copies of nothing, so write them before a step."""
        known = self._optimizer.state_dict()["state"]
        named = {
            f"{i}.{key}": value
            for i, about in known.items()
            for key, value in about.items()
            if value is not None
        }
        return named | {"taken": torch.tensor(self._taken)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        self._taken = int(state["taken"])
        known: dict[int, dict[str, Tensor]] = {}
        for name, value in state.items():
            index, _, key = name.partition(".")
            if key:
                known.setdefault(int(index), {})[key] = value
        self._optimizer.load_state_dict(self._optimizer.state_dict() | {"state": known})

    def _gradients(self) -> Iterator[Tensor]:
        """The gradient of each replica's part of each layer, in the order of the parameters."""
        for layer in self._pack.layers:
            assert layer.effective.grad is not None  # noqa: S101  (the backward pass has set it)
            yield from self._method.gradient(self._pack, layer, layer.effective.grad).unbind()


def _optimizer(trial: Trial, parameters: list[Tensor]) -> torch.optim.Optimizer:
    rate, decay = trial.learning_rate, trial.weight_decay
    if trial.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, rate, momentum=trial.momentum, weight_decay=decay, fused=True
        )
    return torch.optim.Adam(parameters, rate, eps=trial.adam_epsilon, fused=True)
