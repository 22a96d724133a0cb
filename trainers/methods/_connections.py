"""Training which connections are used, not the weights (arXiv:2006.16627, section 3).

Each connection has a weight w, which stays as drawn, and a score s, which is trained:

    effective = w * m(s)     m(s) = 1    if s > threshold
                                    off  else: 0 prunes the connection, -1 flips its sign

The step function m has no useful derivative. Its gradient goes straight through to every score,
also to those of connections that are not kept:

    dL/ds = dL/deffective * w

Free pruning and free flipping (sections 3.1 and 3.2) train no more than that. Minimal pruning and
minimal flipping (section 3.3) subtract penalty * mean(m) of each layer from the loss, so that a
change of a connection must pay for itself. Training needs only the derivative of that term
(`Connections.gradient`); its value is recorded (`Connections.penalty`).
"""

import functools

import torch
from torch import Tensor

from studies.trial import Trial
from trainers import randomness
from trainers.batches import Batches
from trainers.methods._base import Method
from trainers.packs import Layer, Pack

#: A connection is kept if its score is above this. It is a constant, not a setting.
THRESHOLD = 0.0

#: Names that authors of methods may have used, and what they are called now.
_RENAMED = {"extreme": "penalty_sign", "start": "initial_scores"}

_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input


def above_threshold(score: Tensor) -> Tensor:
    """Return whether each connection is kept, bool, of the scores' shape; nan is not above."""
    return score > THRESHOLD


def effective_weight(weight: Tensor, score: Tensor, off: float) -> Tensor:
    """Return weight * m(score), the equation as the paper has it; all of one shape."""
    return weight * torch.where(above_threshold(score), 1.0, off)


def write_effective_weight(weight: Tensor, score: Tensor, off: float, into: Tensor) -> None:
    """Write `effective_weight` in one pass over memory and without allocating; the same bits.

    The backward pass of leaky ReLU with slope ``off`` multiplies a gradient by 1 where the input
    is above zero and by the slope elsewhere. Here the weight takes the gradient's place.
    """
    distance = score if THRESHOLD == 0 else score - THRESHOLD  # leaky ReLU compares with zero
    _leaky_relu_backward(weight, distance, off, False, grad_input=into)


class Connections(Method):
    """Trains a score per connection; a connection is kept while its score exceeds the threshold.

    Attributes:
        off: the factor of a connection that is not kept: 0 prunes it, -1 flips its sign.
        penalty_sign: the sign with which the trial's `penalty` times the mean(mask) of each layer
            is added to the loss: -1 so that a change must pay for itself (minimal), 1 so that
            keeping must (maximal), 0 for neither (free).
    """

    off: float
    penalty_sign: int = 0
    capturable = True
    by_mask = True
    trains_weights = False

    def __init_subclass__(cls) -> None:
        """Refuse names of earlier versions, which would be ignored without a word.

        Raises:
            TypeError: the class has one.
        """
        super().__init_subclass__()
        for old, new in _RENAMED.items():
            if old in vars(cls):
                raise TypeError(f"{cls.__name__}.{old}: its name is {new} now; rename it")

    @property
    def flips(self) -> bool:  # type: ignore[override]
        """Whether `off` turns signs."""
        return self.off < 0

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Draw the scores."""
        for layer in pack.layers:
            if self.penalty_sign:
                per_connection = self.penalty_sign * pack.trial.penalty / layer.weight[0].numel()
                one_each = (len(pack.trials), *[1] * (layer.weight.dim() - 1))
                layer.penalty_gradient = layer.weight.new_full(one_each, per_connection)
            scores = [self.initial_scores(trial, layer) for trial in pack.trials]
            layer.trained = torch.stack(scores).to(layer.weight.device)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            self.rebuild(pack, layer)

    def initial_scores(self, trial: Trial, layer: Layer) -> Tensor:
        """Draw a trial's scores of a layer before training, [*shape].

        They are uniform between `score_low` and `score_high`. With a `score_offset` the range
        keeps its width and moves, so that this fraction of the scores is at or below zero. Below
        zero the offset moves the range up: it begins at -score_offset widths.

        A threshold c other than zero is such a start. Scores enter through score > c alone, and
        their gradients do not depend on it, so c is the same as scores that start lower by c:
        score_offset = (c - score_low) / (score_high - score_low), unless that is 0, which stands
        for no shift.
        """
        low, high = trial.score_low, trial.score_high
        if trial.score_offset:
            width = high - low
            low, high = -trial.score_offset * width, (1 - trial.score_offset) * width
        return uniform_scores(trial, layer, low, high)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * where(score > threshold, 1, off), rescaled if the trial says so."""
        effective = layer.effective.detach()
        write_effective_weight(layer.weight, layer.trained, self.off, into=effective)
        if pack.trial.rescaling != "none":
            effective.mul_(self.rescaling(pack, layer))

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dscore = dL/deffective * weight + dpenalty/dmask, [R, *shape], straight through."""
        # scale-fan scales the weights, so their gradient too. dynamic scales the mask, which the
        # gradient passes by.
        if pack.trial.rescaling == "scale-fan":
            gradient.mul_(self.rescaling(pack, layer))
        if not self.penalty_sign:
            return gradient.mul_(layer.weight)
        assert layer.penalty_gradient is not None  # noqa: S101  (`begin` has set it)
        return torch.addcmul(layer.penalty_gradient, gradient, layer.weight, out=gradient)

    def gradient_factor(self, pack: Pack, layer: Layer) -> Tensor | None:
        """Return the weights, [R, *shape], where there is no penalty and no scale to consider."""
        return None if self.penalty_sign or pack.trial.rescaling == "scale-fan" else layer.weight

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return 1 where the score is above the threshold, else `off`, [R, *shape]."""
        off = torch.tensor(self.off, device=layer.weight.device)
        return torch.where(above_threshold(layer.trained), 1.0, off)

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Return each replica's scores as they are now, [R][*shape]."""
        return list(layer.trained)

    def kept(self, pack: Pack, layer: Layer) -> Tensor:
        """Return how many connections each replica keeps, [R]."""
        return above_threshold(layer.trained).flatten(1).sum(dim=1, dtype=torch.float32)

    def rescaling(self, pack: Pack, layer: Layer) -> Tensor:
        """Return the factor on a pruned layer's effective weights, [R, 1, ...].

        See `rescaling_factor`. The gradient passes `dynamic` by, as in the code of the paper.
        """
        return rescaling_factor(pack.trial, layer, self.kept(pack, layer))

    def penalty(self, pack: Pack) -> Tensor:
        """Return penalty_sign * penalty * sum over the layers of mean(mask), [R]."""
        if not self.penalty_sign:
            return super().penalty(pack)
        means = [self.mask(pack, layer).flatten(1).mean(dim=1) for layer in pack.layers]
        # Layer by layer: the order of the sum must not depend on the pack's size.
        total: Tensor = functools.reduce(torch.add, means)
        return self.penalty_sign * pack.trial.penalty * total


def rescaling_factor(trial: Trial, layer: Layer, kept: Tensor) -> Tensor:
    """Return the factor on a pruned layer's effective weights, [R, 1, ...].

    dynamic: size / (1 + kept), as in Zhou et al. (2019, arXiv:1905.01067, section 3). scale-fan:
    1 / sqrt(density), as Ramanujan et al. (2020, arXiv:1911.13299) scale their weights, here with
    the present density.

    Args:
        trial: for its `rescaling`, one of these.
        layer: for its size.
        kept: how many connections of it are kept, [R].
    """
    size, dynamic = float(layer.weight[0].numel()), trial.rescaling == "dynamic"
    factor = size / (1 + kept) if dynamic else (size / kept.clamp(min=1)).sqrt()
    return factor.view(-1, *[1] * (layer.weight.dim() - 1))


def uniform_scores(trial: Trial, layer: Layer, low: float, high: float) -> Tensor:
    """Draw a trial's scores of a layer, uniform between ``low`` and ``high``, [*shape].

    All methods share the uniform numbers, so that a seed starts them alike.
    """
    like = layer.weight[0]
    seed = trial.seed if trial.score_seed < 0 else trial.score_seed
    drawn = _remembered_uniform if like.numel() <= randomness.REMEMBERED else _uniform
    uniform = drawn(seed, layer.index, like.numel())
    return (low + (high - low) * uniform).to(torch.float32).reshape(like.shape)


def _uniform(seed: int, index: int, n: int) -> Tensor:
    """A layer's uniform numbers for scores, which trials of one seed share, float64 [n]."""
    return torch.from_numpy(randomness.uniform(seed, "score", index, n))


_remembered_uniform = functools.lru_cache(maxsize=16)(_uniform)
