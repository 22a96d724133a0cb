"""Methods: one file each, with an instance `METHOD` of a class that says only how it differs.

What is trained, and how the network's effective weights follow from it:

    dense               the weights            effective = weight
    weights under mask  the weights            effective = weight * mask
    connections         scores                 effective = weight * where(score > threshold, 1, off)

For connections the gradient goes straight through the mask to all scores (arXiv:2006.16627,
section 3): dL/dscore = dL/deffective * weight. pruning: off = 0; flipping: off = -1.

Where the threshold comes from is the whole difference that the studies are about:

    free-*, minimal-*, maximal-*         the constant 0
    edge-popup*                          the scores' own quantile at 1 - density: somebody chooses
    random-, magnitude-pruning, snip,    a ranking of the weights, cut at the density that somebody
    grasp, synflow, lottery-ticket       chooses
    supermask                            none: a connection is kept by chance, sigmoid(score)

What a network has beside connections, the scale and shift of an `affine` batch normalisation, is
trained with every method. A file whose name has parameters has a function `method(**parameters)`
instead of `METHOD`.
"""

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from studies.trial import Trial
from trainers import pack_key, randomness, registry
from trainers.batches import Batches
from trainers.packs import Layer, Pack

_leaky_relu_backward = torch.ops.aten.leaky_relu_backward.grad_input

__all__ = [
    "Connections",
    "Layer",
    "MaskedWeights",
    "Method",
    "Pack",
    "load",
    "shuffled",
    "uniform_scores",
]


class Method:
    """Dense training, and what every other method may change about it.

    The loop calls `begin` before each round, and in each step `gradient` between the backward
    pass and the optimiser, `rebuild` after it. Only `begin` may put other tensors in the place of
    a layer's; engines hold on to them.

    Attributes:
        elementwise: whether these two treat each connection by itself, rescaling and the layers'
            `price` aside, so that they can be handed all layers as one, see `Pack.flatten`.
        capturable: whether they neither wait for a GPU nor compute on the host, so that a CUDA
            graph can hold them.
        by_mask: whether the trained network follows from its mask and the weights as drawn, by
            `rebuild` with a score of one for what is kept and of zero for what is not.
        trains_weights: whether the weights are trained, with or without a mask.
        flips: whether it flips the signs of weights instead of pruning connections.
    """

    elementwise = False
    capturable = False
    by_mask = False
    trains_weights = True
    flips = False

    def __init_subclass__(cls) -> None:
        """A method that does these two in a way of its own says both anew, or has neither."""
        super().__init_subclass__()
        own = vars(cls)
        if "gradient" in own or "rebuild" in own:
            for promise in ("elementwise", "capturable"):
                if promise not in own:
                    setattr(cls, promise, False)

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Epochs of each round; the optimiser starts afresh with each round."""
        return (trial.epochs,)

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Set up round ``number`` (from 0): what is trained, and the effective weights.

        Methods that prune between rounds or from a first batch's gradient do so here.
        """
        if number == 0:
            for layer in pack.layers:
                layer.effective = layer.weight.clone().requires_grad_()
                layer.trained = layer.effective.detach()

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Turn dL/deffective into dL/dtrained, [R, *shape]; it may work in place."""
        return gradient

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """Write the effective weights that follow from what is trained."""
        if not layer.bound:  # as in a pack of several methods
            layer.effective.detach().copy_(layer.trained)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """What became of each connection: 1 kept, 0 pruned, -1 flipped; [R, *shape]."""
        return torch.ones_like(layer.weight) if layer.mask is None else layer.mask

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Each replica's scores, [R][*shape], None where the weights themselves are trained."""
        return [None] * len(pack.trials)

    def evaluated(self, pack: Pack) -> Iterator[None]:
        """Put the pack into each state that an evaluation averages over; most have one."""
        yield

    def expected(self, pack: Pack) -> bool:
        """Put the pack into its expected state, for methods whose masks are random; else False."""
        return False

    def penalty(self, pack: Pack) -> Tensor:
        """What the method adds to the cross-entropy, per replica, [R]."""
        return torch.zeros(len(pack.trials), device=pack.layers[0].weight.device)


class MaskedWeights(Method):
    """Trains weights under a mask that `masks` gives before a round.

    Attributes:
        shuffled: whether each layer's mask is permuted by the seed: pruning at random with the
            layers' densities matched to the method's own.
    """

    capturable = True

    def __init__(self, *, shuffled: bool = False) -> None:
        self.shuffled = shuffled

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor] | None:
        """A mask of 0 and 1 for each layer, [R, *shape]; None where round ``number`` has no new."""
        raise NotImplementedError

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Take the masks of the round, and go on with the weights that they keep."""
        super().begin(pack, number, batches)
        masks = self.masks(pack, number, batches)
        for layer, mask in zip(pack.layers, masks or [], strict=bool(masks)):
            layer.mask = shuffled(pack.trials, layer.index, mask) if self.shuffled else mask
            layer.trained.mul_(layer.mask)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """A weight that is masked gets no gradient, so Adam leaves it at zero."""
        return gradient if layer.mask is None else gradient.mul_(layer.mask)


def shuffled(trials: Sequence[Trial], index: int, mask: Tensor) -> Tensor:
    """A layer's masks, [R, *shape], each permuted within the layer by its trial's seed."""
    flat = mask.flatten(1)
    orders = [randomness.permutation(t.seed, "mask", index, flat.shape[1]) for t in trials]
    order = torch.from_numpy(np.stack(orders)).to(mask.device)
    return flat.gather(1, order).view_as(mask)


#: The score that a connection must exceed to be kept, for every method that needs no density.
THRESHOLD = 0.0


class Connections(Method):
    """Trains a score per connection; the weights stay as drawn.

    A connection is kept where its score is above the threshold. The threshold is zero: a constant,
    not a setting.

    Attributes:
        off: the factor of a connection that is not kept: 0 prunes it, -1 flips its sign.
        extreme: what the trial's `penalty` times the mean(mask) of each layer is multiplied with
            before it is added to the loss: -1 so that a change must pay for itself (minimal),
            1 so that keeping must, 0 for neither (free).
    """

    off: float
    extreme: int = 0
    capturable = True
    by_mask = True
    trains_weights = False

    @property
    def flips(self) -> bool:  # type: ignore[override]
        """Whether `off` turns signs."""
        return self.off < 0

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Draw the scores."""
        for layer in pack.layers:
            if self.extreme:
                price = self.extreme * pack.trial.penalty / layer.weight[0].numel()
                one_each = (len(pack.trials), *[1] * (layer.weight.dim() - 1))
                layer.price = layer.weight.new_full(one_each, price)
            drawn = [self.start(trial, layer) for trial in pack.trials]
            layer.trained = torch.stack(drawn).to(layer.weight.device)
            layer.effective = torch.empty_like(layer.weight).requires_grad_()
            self.rebuild(pack, layer)

    def start(self, trial: Trial, layer: Layer) -> Tensor:
        """A trial's scores of a layer before training, [*shape].

        Uniform between `score_low` and `score_high`. With a `score_offset` the range is moved, as
        wide as it is, so that this share of the scores is at or below zero.
        """
        low, high = trial.score_low, trial.score_high
        if trial.score_offset:
            width = high - low
            low, high = -trial.score_offset * width, (1 - trial.score_offset) * width
        return uniform_scores(trial, layer, low, high)

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """effective = weight * where(score > threshold, 1, off), rescaled if the trial says so."""
        effective = layer.effective.detach()
        # Leaky ReLU's own backward, as one pass over memory; its threshold is zero.
        _leaky_relu_backward(layer.weight, layer.trained, self.off, False, grad_input=effective)
        if pack.trial.rescaling != "none":
            effective.mul_(self.rescaling(pack, layer))

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """dL/dscore = dL/deffective * weight, and the penalty's own gradient, straight through."""
        # scale-fan scales the weights themselves, dynamic the mask, which the gradient passes by.
        if pack.trial.rescaling == "scale-fan":
            gradient.mul_(self.rescaling(pack, layer))
        if not self.extreme:
            return gradient.mul_(layer.weight)
        assert layer.price is not None  # noqa: S101  (`begin` has set it)
        return torch.addcmul(layer.price, gradient, layer.weight, out=gradient)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """1 where the score is above the threshold, else `off`."""
        off = torch.tensor(self.off, device=layer.weight.device)
        return torch.where(layer.trained > THRESHOLD, 1.0, off)

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Each replica's scores, as they are now."""
        return list(layer.trained)

    def kept(self, pack: Pack, layer: Layer) -> Tensor:
        """How many connections are kept, [R]."""
        return (layer.trained > THRESHOLD).flatten(1).sum(dim=1, dtype=torch.float32)

    def rescaling(self, pack: Pack, layer: Layer) -> Tensor:
        """The factor on a pruned layer's effective weights, [R, 1, ...].

        dynamic: size / (1 + kept), as in Zhou et al. (2019, arXiv:1905.01067, section 3); in the
        official code the gradient passes it by. scale-fan: 1 / sqrt(density), as Ramanujan et al.
        (2020, arXiv:1911.13299) scale their weights, here by the density of the moment.
        """
        kept = self.kept(pack, layer)
        size = float(layer.weight[0].numel())
        dynamic = pack.trial.rescaling == "dynamic"
        factor = size / (1 + kept) if dynamic else (size / kept.clamp(min=1)).sqrt()
        return factor.view(-1, *[1] * (layer.weight.dim() - 1))

    def penalty(self, pack: Pack) -> Tensor:
        """extreme * penalty * sum over layers of mean(mask), [R]."""
        if not self.extreme:
            return super().penalty(pack)
        means = [self.mask(pack, layer).flatten(1).mean(dim=1) for layer in pack.layers]
        # Layer by layer: the order of the sum must not depend on the pack's size.
        total: Tensor = functools.reduce(torch.add, means)
        return self.extreme * pack.trial.penalty * total


def uniform_scores(trial: Trial, layer: Layer, low: float, high: float) -> Tensor:
    """A trial's scores of a layer, uniform between two ends by the common numbers, [*shape]."""
    like = layer.weight[0]
    seed = trial.seed if trial.score_seed < 0 else trial.score_seed
    uniform = torch.from_numpy(randomness.uniform(seed, "score", layer.index, like.numel()))
    return (low + (high - low) * uniform).to(torch.float32).reshape(like.shape)


def load(trial: Trial) -> Method:
    """The method that a trial names, with the parameters in the name, in the trial's stages."""
    from trainers.methods._staged import Staged  # which is a method itself

    module, found = registry.load("method", trial.method)
    made: Method = module.METHOD if not found.parameters else module.method(**found.parameters)
    return Staged(made, trial) if pack_key.staged(trial) else made
