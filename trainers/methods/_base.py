"""The protocol that every method follows, and weights that are trained under a mask."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from studies.trial import Trial
from trainers import randomness
from trainers.batches import Batches
from trainers.packs import Layer, Pack


class Method:
    """Dense training, and what every other method may change about it.

    The loop calls `begin` before each round and `begin_epoch` before each epoch. In each step it
    calls `gradient` between the backward pass and the optimiser, and `rebuild` after the optimiser.
    Only `begin` may replace a layer's tensors by others, because engines hold references to them.

    Attributes:
        elementwise: whether `gradient` and `rebuild` treat each connection by itself, apart from
            rescaling and the layers' `penalty_gradient`. All layers may then be passed to them as
            one, see `Pack.flatten`.
        capturable: whether `gradient` and `rebuild` neither wait for a GPU nor compute on the
            host. A CUDA graph can then hold them.
        by_mask: whether the trained network follows from its mask and the weights as drawn, by
            `rebuild` with a score of 1 for each kept connection and 0 for each other one, and then
            `deployed`.
        trains_weights: whether the weights are trained, with or without a mask.
        flips: whether it flips the signs of weights instead of pruning connections.
        sets_kept_share: whether a parameter in its name fixes or prices the fraction of connections
            kept. The fields `density` and `penalty` always do.
    """

    elementwise = False
    capturable = False
    by_mask = False
    trains_weights = True
    flips = False
    sets_kept_share = False

    def __init_subclass__(cls) -> None:
        """Withdraw the promises about `gradient` and `rebuild` from a class that overrides them.

        A class that keeps a promise declares it again.
        """
        super().__init_subclass__()
        overridden = vars(cls)
        if "gradient" in overridden or "rebuild" in overridden:
            for promise in ("elementwise", "capturable"):
                if promise not in overridden:
                    setattr(cls, promise, False)
        if "gradient" in overridden and "gradient_factor" not in overridden:
            cls.gradient_factor = Method.gradient_factor  # type: ignore[method-assign]

    def rounds(self, trial: Trial) -> Sequence[int]:
        """Return the epochs of each round; the optimiser starts afresh with each round."""
        return (trial.epochs,)

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Set up a round: what is trained, and the effective weights.

        Methods that prune between rounds, or by the gradient of a first batch, do so here.

        Args:
            pack: whose layers are set up.
            number: of the round, from 0.
            batches: of the data set that the round trains on.
        """
        if number == 0:
            for layer in pack.layers:
                layer.effective = layer.weight.clone().requires_grad_()
                layer.trained = layer.effective.detach()

    def begin_epoch(self, pack: Pack) -> None:
        """Set up an epoch, `pack.epoch` of its round; most methods have nothing to do here."""

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Turn dL/deffective into dL/dtrained, [R, *shape]; it may work in place."""
        return gradient

    def gradient_factor(self, pack: Pack, layer: Layer) -> Tensor | None:
        """Return the factor that is all that `gradient` does, [R, *shape]; None if it does more.

        An engine may then multiply by it while it computes the gradient.
        """
        return None

    def rebuild(self, pack: Pack, layer: Layer) -> None:
        """Write the effective weights that follow from what is trained."""
        if not layer.effective_is_trained:  # false in a pack of several methods
            layer.effective.detach().copy_(layer.trained)

    def mask(self, pack: Pack, layer: Layer) -> Tensor:
        """Return each connection's state: 1 kept, 0 pruned, -1 flipped; [R, *shape]."""
        return torch.ones_like(layer.weight) if layer.mask is None else layer.mask

    def scores(self, pack: Pack, layer: Layer) -> list[Tensor | None]:
        """Return each replica's scores, [R][*shape], None where the weights are trained."""
        return [None] * len(pack.trials)

    def evaluated(self, pack: Pack) -> Iterator[None]:
        """Put the pack into each state that an evaluation averages over; most have one."""
        yield

    def deployed(self, pack: Pack) -> bool:
        """Write the effective weights of the trained network; return False if they are a step's.

        A network is evaluated and saved with these; `rebuild` writes those of a step again.
        """
        return False

    def expected(self, pack: Pack) -> bool:
        """Put the pack into its expected state if its masks are random; else return False."""
        return False

    def penalty(self, pack: Pack) -> Tensor:
        """Return what the method adds to each replica's cross-entropy, [R]."""
        return torch.zeros(len(pack.trials), device=pack.layers[0].weight.device)


class MaskedWeights(Method):
    """Trains weights under a mask that `masks` returns before a round.

    Attributes:
        shuffled: whether each layer's mask is permuted by the seed. This prunes at random, with
            the method's own density in each layer.
    """

    capturable = True

    def __init__(self, *, shuffled: bool = False) -> None:
        self.shuffled = shuffled

    def masks(self, pack: Pack, number: int, batches: Batches) -> list[Tensor] | None:
        """Return a mask of 0 and 1 for each layer, [R, *shape].

        None means that round ``number`` keeps the masks of the round before.

        Args:
            pack: whose layers are as the round before has left them.
            number: of the round, from 0.
            batches: of the data set that the round trains on.
        """
        raise NotImplementedError

    def begin(self, pack: Pack, number: int, batches: Batches) -> None:
        """Take the round's masks, and set the pruned weights to zero."""
        super().begin(pack, number, batches)
        masks = self.masks(pack, number, batches)
        for layer, mask in zip(pack.layers, masks or [], strict=bool(masks)):
            layer.mask = shuffled(pack.trials, layer.index, mask) if self.shuffled else mask
            layer.trained.mul_(layer.mask)

    def gradient(self, pack: Pack, layer: Layer, gradient: Tensor) -> Tensor:
        """Set the gradient of pruned weights, [R, *shape], to zero, so that Adam leaves them so."""
        return gradient if layer.mask is None else gradient.mul_(layer.mask)


def shuffled(trials: Sequence[Trial], index: int, mask: Tensor) -> Tensor:
    """Permute a layer's masks, [R, *shape], each within the layer by its trial's seed."""
    flat = mask.flatten(1)
    orders = [randomness.permutation(t.seed, "mask", index, flat.shape[1]) for t in trials]
    order = torch.from_numpy(np.stack(orders)).to(mask.device)
    return flat.gather(1, order).view_as(mask)
