"""A data set on its device, as bytes, and the batches of it."""

import copy
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from studies.trial import Trial
from trainers import randomness
from trainers.datasets import Dataset

#: An image is shifted by up to a tenth of its height and width, in whole pixels, at least one.
_SHIFT = 10

#: Pixels that are gathered and normalised at once. A dozen operations for each of a few hundred
#: small batches would cost more than the pixels themselves.
_AT_ONCE = 2**18
_AT_ONCE_ON_GPU = 2**26

#: Pixels of a split that may stay in memory as normalised numbers, which take four times the bytes.
_MOST_KEPT = 2**24


class Batches:
    """The training and evaluation batches of a pack.

    The whole data set is on the device as bytes. A batch is gathered and normalised when it is
    needed: (pixel / white - mean) / std, with the training images' statistics for all splits. Then
    training images are shifted and mirrored as the trials' `augmentation` says.

    Args:
        data: the data set.
        trials: of the pack; each has its own data order, by its seed.
        device: of the batches.

    Attributes:
        data: the data set.
        device: of the batches.
    """

    def __init__(self, data: Dataset, trials: Sequence[Trial], device: torch.device) -> None:
        self.data, self.device, self._trials = data, device, trials
        self._images = {split: self._tensor(images) for split, images in data.images.items()}
        by_replica = {split: [labels] * len(trials) for split, labels in data.labels.items()}
        by_replica["train"] = [_labels(trial, data.labels["train"]) for trial in trials]
        shared = all(labels is each[0] for each in by_replica.values() for labels in each)
        #: [R, N] of each split; in memory once if all replicas have the same labels.
        self._labels = {
            split: self._tensor(each[0]).expand(len(trials), -1)
            if shared
            else self._tensor(np.stack(each))
            for split, each in by_replica.items()
        }
        self._mean = self._tensor(data.mean)
        self._kept: dict[tuple[str, int], list[Tensor]] = {}

    def alone(self, replica: int) -> "Batches":
        """Return the batches of one replica, from the same memory."""
        batches = copy.copy(self)
        batches._trials = self._trials[replica : replica + 1]
        batches._labels = {k: v[replica : replica + 1] for k, v in self._labels.items()}
        return batches

    def training(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch, each replica's in its own order.

        The last batch may be smaller.

        Yields:
            Normalised images [R, B, channels, height, width] and labels [R, B].
        """
        images, labels = self._images["train"], self._labels["train"]
        size = self._trials[0].batch_size
        orders = [
            randomness.permutation(order_seed(t), "order", epoch, len(images)) for t in self._trials
        ]
        places = [_within_batches(t, epoch, len(images), size) for t in self._trials]
        order = torch.from_numpy(np.stack([o[p] for o, p in zip(orders, places, strict=True)]))
        order = order.to(self.device)
        moves = self._moves(epoch, places)
        stretch = self._batches_at_once * size
        for start in range(0, len(images), stretch):
            rows = order[:, start : start + stretch]
            gathered = self._normalise(images.index_select(0, rows.flatten()))
            if moves is not None:
                moves_here = moves[:, :, start : start + rows.shape[1]]
                gathered = shift_and_mirror(gathered, *moves_here.flatten(start_dim=1))
            yield from zip(
                torch.split(gathered.view(*rows.shape, *self.data.shape), size, dim=1),
                torch.split(labels.gather(1, rows), size, dim=1),
                strict=True,
            )

    @property
    def _batches_at_once(self) -> int:
        """Batches that are gathered at once: as many as stay in a core's cache, on a GPU more."""
        pixels = len(self._trials) * self._trials[0].batch_size * math.prod(self.data.shape)
        return max(1, (_AT_ONCE if self.device.type == "cpu" else _AT_ONCE_ON_GPU) // pixels)

    @property
    def identity(self) -> tuple[str, ...]:
        """What the evaluation batches of the replicas depend on."""
        seeds = [str(t.seed) if t.labels != "given" else "" for t in self._trials]
        return (self.data.name, self.data.fingerprint, *seeds)

    @property
    def steps(self) -> int:
        """The number of batches in an epoch."""
        return math.ceil(len(self._images["train"]) / self._trials[0].batch_size)

    def balanced(self, per_class: int) -> tuple[Tensor, Tensor]:
        """Return one batch with equally many training images of each class, without augmentation.

        For each replica these are the first of each class in an order that no epoch has.

        Returns:
            Normalised images [R, B, channels, height, width] and labels [R, B].
        """
        rows = []
        for trial in self._trials:
            labels = _labels(trial, self.data.labels["train"])
            order = randomness.permutation(order_seed(trial), "order", 0, len(labels))
            classes = (order[labels[order] == c][:per_class] for c in range(self.data.classes))
            rows.append(np.concatenate(list(classes)))
        picked = torch.from_numpy(np.stack(rows)).to(self.device)
        images = self._normalise(self._images["train"].index_select(0, picked.flatten()))
        return images.view(*picked.shape, *self.data.shape), self._labels["train"].gather(1, picked)

    def evaluation(self, split: str, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield a split in its own order, the same for all replicas, in batches of ``size``.

        Yields:
            Normalised images [R, B, channels, height, width] and labels [R, B].
        """
        labels = torch.split(self._labels[split], size, 1)
        for images, theirs in zip(self._evaluation_images(split, size), labels, strict=True):
            yield images.expand(len(self._trials), *images.shape), theirs

    def _evaluation_images(self, split: str, size: int) -> Iterable[Tensor]:
        """The normalised images of a split; kept if they are few, as they are needed every epoch.

        Training images are not kept: they are evaluated only before and after training.
        """
        images = self._images[split]
        normalised = map(self._normalise, torch.split(images, size))
        if split == "train" or images.numel() > _MOST_KEPT or images.is_cuda:
            return normalised
        if (split, size) not in self._kept:
            self._kept[split, size] = list(normalised)
        return self._kept[split, size]

    def _moves(self, epoch: int, places: Sequence[npt.NDArray[np.int64] | slice]) -> Tensor | None:
        """Draw shifts down and right in pixels, and 1 for mirrored, for each image in its order.

        Returns:
            int64 [3, R, N], or None without augmentation.
        """
        kind = self._trials[0].augmentation
        if kind == "none":
            return None
        n = len(self._images["train"])
        draws = [
            randomness.uniform(order_seed(t), "augment", epoch, 3 * n).reshape(3, n)[:, place]
            for t, place in zip(self._trials, places, strict=True)
        ]
        down, right, chance = np.stack(draws, axis=1)
        if "shift" in kind:
            _, height, width = self.data.shape
            furthest = max(1, height // _SHIFT), max(1, width // _SHIFT)
            moves = [_whole(down, furthest[0]), _whole(right, furthest[1])]
        else:
            moves = [np.zeros_like(down), np.zeros_like(right)]
        mirrored = (chance < 0.5) & ("mirror" in kind)
        return torch.from_numpy(np.stack([*moves, mirrored]).astype(np.int64)).to(self.device)

    def _normalise(self, images: Tensor) -> Tensor:
        return images.float().div_(self.data.white).sub_(self._mean).div_(self.data.std)

    def _tensor(self, array: npt.NDArray[np.generic]) -> Tensor:
        with warnings.catch_warnings():
            # Arrays shared between a node's workers are read-only; nothing here writes to them.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            given = torch.from_numpy(array).to(self.device)
        # An axis of length one has any stride in NumPy, and a convolution picks its memory format,
        # and with it the order of its sums, by the strides.
        return given.flatten().view(given.shape)


def order_seed(trial: Trial) -> int:
    """Return the seed of a trial's data order and augmentation."""
    return trial.seed if trial.order_seed < 0 else trial.order_seed


def _labels(trial: Trial, given: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The training images' labels, permuted by the seed if the trial says so."""
    if trial.labels == "given":
        return given
    return given[randomness.permutation(trial.seed, "labels", 0, len(given))]


def _within_batches(trial: Trial, epoch: int, n: int, size: int) -> npt.NDArray[np.int64] | slice:
    """The place that each of an epoch's n images is taken from, within its batch, [n].

    The order within a batch changes nothing but the rounding of the sums over it.
    """
    if not trial.rounding:
        return slice(None)
    chance = randomness.permutation(trial.rounding, "rounding", epoch, n)
    return np.lexsort((chance, np.arange(n) // size))


def _whole(uniform: npt.NDArray[np.float64], furthest: int) -> npt.NDArray[np.float64]:
    """Whole numbers from -furthest to furthest, all equally likely, from uniform numbers."""
    return np.floor(uniform * (2 * furthest + 1)) - furthest


def shift_and_mirror(images: Tensor, down: Tensor, right: Tensor, mirrored: Tensor) -> Tensor:
    """Return images mirrored left to right if asked for, then shifted; the edge fills the gap.

    Args:
        images: [N, channels, height, width].
        down: pixels, [N]; negative is up.
        right: pixels, [N]; negative is left.
        mirrored: 1 or 0, [N].
    """
    n, channels, height, width = images.shape
    rows = torch.arange(height, device=images.device) - down[:, None]
    columns = torch.arange(width, device=images.device) - right[:, None]
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    columns = torch.where(mirrored[:, None] == 1, width - 1 - columns, columns)
    places = (rows[:, :, None] * width + columns[:, None, :]).view(n, 1, -1)
    flat = images.flatten(start_dim=2).gather(2, places.expand(n, channels, -1))
    return flat.view_as(images)
