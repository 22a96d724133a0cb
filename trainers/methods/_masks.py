"""Selection by rank: which connections have the largest scores, in a layer or over all layers."""

import copy
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own name for it)
from torch import Tensor

from studies.trial import Trial
from trainers import randomness
from trainers.batches import Batches
from trainers.packs import Layer, Pack

#: The layer number of all layers together in the stream of masks.
_TIES = 2**31
_PER_CLASS = 10
#: The part of all scores that is near the threshold, on each side of it when the bounds are made;
#: and the part from which on they are made anew.
_NEAR, _MOST_NEAR = 1 / 64, 1 / 8
#: Bounds are made from each score of this many.
_EVERY = 16
_LARGEST = float(np.finfo(np.float32).max)


@lru_cache  # it is asked for in every step, and a fraction takes as long as a selection
def dropped(density: float, n: int) -> int:
    """Return how many of n connections are dropped: floor((1 - density) n), exactly as written.

    In floating point 1 - 0.9 is below 0.1, and the floor would be one too low.
    """
    return math.floor((1 - Fraction(repr(float(density)))) * n)


# --- in one layer ---------------------------------------------------------------------------------


def top(scores: Tensor, density: float) -> Tensor:
    """Return 1.0 for the scores that are kept, else 0.0, of their shape; see `keep_top`."""
    return keep_top(torch.ones_like(scores), scores, density, torch.empty_like(scores))


def keep_top(
    weight: Tensor, scores: Tensor, density: float, into: Tensor, last: "Threshold | None" = None
) -> Tensor:
    """Write the weights with the top scores, else 0; of equal scores the first are dropped first.

    The threshold is found by selection; sorting all scores would be many times slower.

    Args:
        weight: of one layer and one replica, [*shape].
        scores: [*shape].
        density: the fraction kept.
        into: the tensor to write to, [*shape].
        last: what these scores' last threshold was, which makes finding this one faster.

    Returns:
        ``into``.
    """
    count = dropped(density, scores.numel())
    if count == 0:
        return into.copy_(weight)
    highest, above = threshold(scores.flatten(), count, last)
    # ReLU's own backward pass writes in one pass: weight where score > threshold, else 0.
    torch.ops.aten.threshold_backward.grad_input(weight, scores, highest, grad_input=into)
    missing = scores.numel() - count - above
    if missing:  # of the scores that equal the threshold the last are kept
        equal = (scores.flatten() == highest).nonzero().flatten()[-missing:]
        into.view(-1)[equal] = weight.view(-1)[equal]
    return into


def keep_top_on_device(weights: Tensor, scores: Tensor, density: float, into: Tensor) -> None:
    """Do as `keep_top` for all replicas at once, without a wait for the device.

    A CUDA graph can hold it: no number comes back to the host.

    Args:
        weights: of one layer, or of all laid side by side, [R, n].
        scores: [R, n].
        density: the fraction kept.
        into: the tensor to write to, [R, n].
    """
    n = scores.shape[1]
    count = dropped(density, n)
    if count == 0:
        into.copy_(weights)
        return
    highest = scores.kthvalue(count, dim=1, keepdim=True).values
    above, equal = scores > highest, scores == highest
    missing = n - count - above.sum(dim=1, keepdim=True, dtype=torch.int32)
    # Of the scores that equal the threshold the last are kept.
    from_end = equal.flip(1).cumsum(dim=1, dtype=torch.int32).flip(1)
    torch.mul(weights, above | (equal & (from_end <= missing)), out=into)


def keep_top_of_all(
    weights: Sequence[Tensor],
    scores: Sequence[Tensor],
    density: float,
    into: Sequence[Tensor],
    last: "Threshold | None" = None,
) -> None:
    """Write the weights with the top scores over all layers, else 0; see `keep_top`.

    Args:
        weights: of each layer of one replica.
        scores: of each layer, of the same shapes.
        density: the fraction of all connections that is kept.
        into: the tensors to write to, of the same shapes.
        last: as in `keep_top`.
    """
    flat = torch.cat([layer.flatten() for layer in weights])
    ranked = torch.cat([layer.flatten() for layer in scores])
    kept = keep_top(flat, ranked, density, torch.empty_like(flat), last)
    for values, target in zip(torch.split(kept, [w.numel() for w in weights]), into, strict=True):
        target.copy_(values.view_as(target))


def threshold(scores: Tensor, count: int, last: "Threshold | None" = None) -> tuple[float, int]:
    """Return the ``count``-th smallest of the scores [n], and how many are above it."""
    if scores.device.type != "cpu":
        value = scores.kthvalue(count).values
        return float(value), int((scores > value).sum())
    values = scores.numpy()  # its selection and its counting are vectorised, PyTorch's are not
    return last.find(values, count) if last else _select(values, count)


def _select(values: np.ndarray, count: int) -> tuple[float, int]:
    """Do what `threshold` does, among all values."""
    found = float(np.partition(values, count - 1)[count - 1])
    return found, int(np.count_nonzero(values > found))


@dataclass
class Threshold:
    """The last threshold of scores that change little from one to the next, to find the next by.

    Few scores lie near the last threshold. The others only have to be counted, and the selection
    among the few is fast. What is found is exact, whatever was found before; a score that is nan
    ranks highest. Where the last threshold is still near, this takes less than half the time of a
    selection among all scores, and a tenth of it on Zen 4, where the instructions that NumPy
    selects with are slow.

    Attributes:
        low, high: the bounds of what counts as near; nan where there are none.
    """

    low: float = math.nan
    high: float = math.nan

    def find(self, values: np.ndarray, count: int) -> tuple[float, int]:
        """Return the ``count``-th smallest of the values [n], and how many are above it."""
        low, high = self.low, self.high
        if math.isnan(low):
            return self._find_among_all(values, count)
        inside = values >= low
        inside &= values <= high
        near = values[inside]
        place = count - 1 - np.count_nonzero(values < low)
        if not 0 <= place < len(near):
            return self._find_among_all(values, count)
        near.partition(place)
        found = float(near[place])
        above = np.count_nonzero(values > high) + np.count_nonzero(near > found)
        if len(near) > len(values) * _MOST_NEAR:
            self.low = self.high = math.nan
        else:
            self._surround(found, (high - low) / 2)
        return found, int(above)

    def _find_among_all(self, values: np.ndarray, count: int) -> tuple[float, int]:
        """Do what `find` does, but without bounds; make new ones from a sample."""
        found, above = _select(values, count)
        sample = np.sort(values[::_EVERY])
        at, reach = int(np.searchsorted(sample, found)), max(1, int(len(sample) * _NEAR))
        low, high = sample[max(at - reach, 0)], sample[min(at + reach, len(sample) - 1)]
        self._surround(found, max(found - float(low), float(high) - found))
        return found, above

    def _surround(self, found: float, distance: float) -> None:
        """Make the bounds, within the range of float32; nan stays nan."""
        self.low = max(found - distance, -_LARGEST)
        self.high = min(found + distance, _LARGEST)


def last_threshold(layer: Layer, replica: int) -> Threshold:
    """Return what a replica's selection in this layer remembers."""
    memory: Threshold = layer.memory.setdefault(replica, Threshold())
    return memory


# --- over all layers ------------------------------------------------------------------------------


def largest(pack: Pack, scores: Sequence[Tensor], density: float) -> list[Tensor]:
    """Return masks of the largest scores over all given layers, [R, *shape] per layer.

    Args:
        pack: for its trials.
        scores: of each layer, [R, *shape].
        density: the fraction of all their connections that is kept.
    """
    masks = [
        keep_largest(trial, [layer[r] for layer in scores], density)
        for r, trial in enumerate(pack.trials)
    ]
    return stacked(masks)


def keep_largest(trial: Trial, scores: Sequence[Tensor], density: float) -> list[Tensor]:
    """Return one replica's masks of the largest scores, [*shape] per layer.

    Of all n connections floor((1 - density) n) are dropped. The trial's seed breaks ties; a score
    that is nan ranks lowest.

    Args:
        trial: for its seed.
        scores: of each layer, [*shape].
        density: the fraction of all connections that is kept.
    """
    flat = torch.cat([layer.flatten() for layer in scores]).double().nan_to_num(nan=-torch.inf)
    chance = torch.from_numpy(randomness.permutation(trial.seed, "mask", _TIES, len(flat)))
    order = chance[flat.cpu()[chance].argsort(stable=True)]
    mask = torch.ones(len(flat))
    mask[order[: dropped(density, len(flat))]] = 0.0
    by_layer = torch.split(mask, [layer.numel() for layer in scores])
    return [m.view_as(layer).to(layer.device) for m, layer in zip(by_layer, scores, strict=True)]


def stacked(masks: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Turn masks per replica and layer into masks per layer, [R, *shape]."""
    return [torch.stack(replicas) for replicas in zip(*masks, strict=True)]


def balanced_loss(pack: Pack, batches: Batches, temperature: float = 1.0) -> Tensor:
    """Return the loss of one class-balanced batch, ten images per class, summed over replicas.

    Batch normalisation is in training mode; its running statistics stay as they were.

    Args:
        pack: the pack.
        batches: of its data set.
        temperature: the divisor of the logits.

    Returns:
        A scalar, through which autograd can go back.
    """
    images, labels = batches.balanced(_PER_CLASS)
    with _statistics_kept(pack):
        logits = pack.logits(images) / temperature
    loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
    return loss / labels.shape[1]


@contextmanager
def _statistics_kept(pack: Pack) -> Iterator[None]:
    """Restore batch normalisation's running statistics afterwards."""
    states = [copy.deepcopy(norms.state_dict()) for norms in pack.norms]
    yield
    for norms, state in zip(pack.norms, states, strict=True):
        for name, buffer in norms.named_buffers():
            buffer.data = state[name]
