"""Adam and SGD: PyTorch's fused steps, without what `torch.optim` does around them.

That takes some 40 microseconds a step, of the 600 of LeNet-300-100's; the numbers are the same to
the bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from studies.trial import Trial

_BETA1, _BETA2 = 0.9, 0.999


@dataclass
class _Arm:
    """The replicas that take their steps together, with what the optimiser knows of them.

    Attributes:
        rate: the learning rate without its schedule.
        epsilon: Adam's.
        replicas: which.
        trained: what they train.
        first: for each of these Adam's mean of the gradients, or SGD's momentum; may be empty.
        second: Adam's mean of their squares, or nothing.
        steps: taken so far, one number in a tensor.
        now: the learning rate of this step; on a GPU a tensor, since a CUDA graph keeps numbers.
        one: what `steps` grows by; a tensor, since a number would be made one in every step.
    """

    rate: float
    epsilon: float
    replicas: list[int] = field(default_factory=list)
    trained: list[Tensor] = field(default_factory=list)
    first: list[Tensor] = field(default_factory=list)
    second: list[Tensor] = field(default_factory=list)
    steps: Tensor = field(default_factory=lambda: torch.zeros(()))
    now: float | Tensor = 0.0
    one: Tensor = field(default_factory=lambda: torch.ones(()))


class Optimizer:
    """Takes the steps of a pack, each replica with the learning rate and epsilon of its trial.

    A parameter per replica: the fused step rounds by a number's place in its tensor, and a replica
    must get the same bits in a pack as alone. It takes one rate; replicas of one step together.

    Args:
        trials: one per replica.
        parameters: what each replica trains, equally many tensors for all.
    """

    def __init__(self, trials: Sequence[Trial], parameters: Sequence[Sequence[Tensor]]) -> None:
        self._trial = trials[0]
        arms: dict[tuple[float, float], _Arm] = {}
        for replica, (trial, trained) in enumerate(zip(trials, parameters, strict=True)):
            key = (trial.learning_rate, trial.adam_epsilon)
            arm = arms.setdefault(key, _Arm(*key))
            arm.replicas.append(replica)
            arm.trained += [tensor.detach() for tensor in trained]
        self._arms = list(arms.values())
        adam = self._trial.optimizer == "adam"
        for arm in self._arms:
            if adam or self._trial.momentum:
                arm.first = [torch.zeros_like(tensor) for tensor in arm.trained]
            if adam:
                arm.second = [torch.zeros_like(tensor) for tensor in arm.trained]
            if arm.trained[0].is_cuda:
                arm.steps, arm.one = (t.to(arm.trained[0].device) for t in (arm.steps, arm.one))
                arm.now = torch.zeros_like(arm.steps)

    def scale_rates(self, factor: float) -> None:
        """Set the rates of the next step: the trials' learning rates times ``factor``."""
        for arm in self._arms:
            if isinstance(arm.now, Tensor):
                arm.now.fill_(arm.rate * factor)
            else:
                arm.now = arm.rate * factor

    def step(self, gradients: Sequence[Sequence[Tensor]]) -> None:
        """Move what is trained.

        Args:
            gradients: for each replica those of its parameters, in their order.
        """
        for arm in self._arms:
            along = [gradient for replica in arm.replicas for gradient in gradients[replica]]
            if self._trial.optimizer == "adam":
                self._adam(arm, along)
            else:
                self._sgd(arm, along)

    def state(self) -> dict[str, Tensor]:
        """What it knows, by name: the tensors themselves, so write them before the next step."""
        return {
            f"{number}.{name}.{i}": tensor
            for number, arm in enumerate(self._arms)
            for name, tensors in (
                ("first", arm.first),
                ("second", arm.second),
                ("steps", [arm.steps]),
            )
            for i, tensor in enumerate(tensors)
        }

    def _adam(self, arm: _Arm, gradients: list[Tensor]) -> None:
        """Kingma & Ba 2015, arXiv:1412.6980, algorithm 1, without weight decay."""
        arm.steps.add_(arm.one)
        torch._fused_adam_(
            arm.trained,
            gradients,
            arm.first,
            arm.second,
            [],
            [arm.steps] * len(gradients),
            lr=arm.now,
            beta1=_BETA1,
            beta2=_BETA2,
            weight_decay=0.0,
            eps=arm.epsilon,
            amsgrad=False,
            maximize=False,
        )

    def _sgd(self, arm: _Arm, gradients: list[Tensor]) -> None:
        torch._fused_sgd_(
            arm.trained,
            gradients,
            arm.first,
            weight_decay=self._trial.weight_decay,
            momentum=self._trial.momentum,
            lr=arm.now,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,  # a momentum of zeros takes the first gradient as it is
        )
