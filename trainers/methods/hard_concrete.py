"""Hard-concrete gates (Louizos et al. 2018, arXiv:1712.01312, section 2.2) on fixed weights.

    in training  gate = clip(1.2 sigmoid((logit u + log a) / beta) - 0.1, 0, 1), u uniform, anew in
                 each step, beta = 2/3
    trained      gate = clip(1.2 sigmoid(log a) - 0.1, 0, 1)
    effective    = weight * gate

log a is what is trained, one for each connection; it starts normal with mean 0 and deviation 0.01.
The loss has ``l0`` times the expected number of gates above zero. So ``l0`` prices the fraction
kept: ``hard-concrete(l0=1e-05)``; without brackets, l0 is 1e-6. A connection is kept if its trained
gate is above zero; it may stay below one, so that the network does not follow from its mask.
Figures are those of the trained form, except the running ones of training.

Departures: the authors gate units and train the weights as well, with an L2 norm in the penalty,
and evaluate with running means of what is trained. They optimise with Adam at 1e-3, batch_size 100,
for 200 epochs; their price for each weight of LeNet-300-100 on MNIST is 0.1 / 60,000 = 1.7e-6.
"""

import functools
import math

import torch
from torch import Tensor

from studies.trial import Trial
from trainers.batches import Batches
from trainers.methods import Layer, Method, Pack, uniform_scores
from trainers.methods._draws import uniform
from trainers.methods._replicas import elementwise, sums

EXAMPLES = ("hard-concrete", "hard-concrete(l0=1e-05)")
PARAMETERS = {"l0": (1e-6, 0.0, 1.0)}
READS = ("score_seed",)

_BETA = 2 / 3
_LOW, _HIGH = -0.1, 1.1
#: The authors keep log a within these, and uniform numbers this far from 0 and 1.
_LEAST, _MOST = math.log(1e-2), math.log(1e2)
_EDGE = 1e-6
_DEVIATION = 0.01


class HardConcrete(Method):
    """Trains random gates that are zero or one with a probability above zero.

    Attributes:
        l0: the coefficient of the expected number of gates above zero in the loss.
    """

    trains_weights = False
    sets_kept_share = True

    def __init__(self, *, l0: float) -> None:
        self.l0 = l0

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Draw log a, and the first gates."""
        for layer in pack.layers:
            starts = [_start(trial, layer) for trial in pack.trials]
            layer.trained = torch.stack(starts).to(layer.weight.device)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            self.rebuild(pack, layer)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dlog a = dL/deffective * weight * dgate/dlog a + l0 * dP(gate > 0)/dlog a."""
        assert layer.slope is not None  # noqa: S101  (`rebuild` has set it)
        layer.steps += 1
        chance = _chance(layer)
        return gradient.mul_(layer.slope).add_(chance * (1 - chance), alpha=self.l0)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * gate, the gate drawn for this step."""
        layer.trained.clamp_(_LEAST, _MOST)
        gate, slope = gates(layer.trained, uniform(pack, layer, layer.steps))
        torch.mul(layer.weight, gate, out=layer.effective.detach())
        layer.slope = slope.mul_(layer.weight)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return 1 where the trained gate is above zero, else 0, [R, *shape]."""
        return (_trained_gate(layer) > 0).to(layer.weight.dtype)

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Return each replica's log a, [R][*shape]."""
        return list(layer.trained)

    def deployed(self, pack: Pack) -> bool:
        """effective = weight * trained gate; return True."""
        for layer in pack.layers:
            torch.mul(layer.weight, _trained_gate(layer), out=layer.effective.detach())
        return True

    def penalty(self, pack: Pack) -> Tensor:
        """Return l0 times the expected number of gates above zero, [R]."""
        each = [sums(_chance(layer)) for layer in pack.layers]
        return self.l0 * functools.reduce(torch.add, each)


def gates(log_a: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gates for some uniform numbers, and dgate/dlog a; all [R, *shape]."""
    noise = elementwise(torch.logit, uniform.clamp(_EDGE, 1 - _EDGE))
    soft = elementwise(torch.sigmoid, (noise + log_a) / _BETA)
    stretched = soft * (_HIGH - _LOW) + _LOW
    inside = (stretched > 0) & (stretched < 1)
    slope = (soft * (1 - soft)).mul_((_HIGH - _LOW) / _BETA).mul_(inside)
    return stretched.clamp_(0, 1), slope


def _trained_gate(layer: Layer) -> Tensor:
    """The gate of the trained network, [R, *shape]."""
    soft = elementwise(torch.sigmoid, layer.trained)
    return soft.mul_(_HIGH - _LOW).add_(_LOW).clamp_(0, 1)


def _chance(layer: Layer) -> Tensor:
    """The probability that a gate is above zero, [R, *shape] (equation 12)."""
    return elementwise(torch.sigmoid, layer.trained - _BETA * math.log(-_LOW / _HIGH))


def _start(trial: Trial, layer: Layer) -> Tensor:
    """A trial's log a of a layer before training, [*shape]."""
    drawn = uniform_scores(trial, layer, 0.0, 1.0).clamp_(_EDGE, 1 - _EDGE)
    normal: Tensor = torch.special.ndtri(drawn)
    return normal.mul_(_DEVIATION)


method = HardConcrete
