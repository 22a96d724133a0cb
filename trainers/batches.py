"""A data set on its device, as bytes, and the batches taken from it."""

import copy
import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from studies.trial import Trial
from trainers import randomness
from trainers.datasets import Dataset

#: An image is shifted by up to a tenth of its height and width, in whole pixels, at least one.
_SHIFT = 10

#: Numbers that are gathered and normalised at once: a dozen operations for each of a few hundred
#: small batches cost more than the numbers themselves.
_AHEAD = 2**18
_AHEAD_ON_GPU = 2**26


class Batches:
    """Gives a pack its training and evaluation batches.

    The whole data set lies on the device as bytes; a batch is gathered and normalised when it is
    needed: (pixel / white - mean) / std, by the training images' statistics for all splits; then
    training images are shifted and mirrored as the trials' `augmentation` says.

    Args:
        data: the data set.
        trials: of the pack; each has a data order of its own, by its seed.
        device: where the batches are wanted.

    Attributes:
        data: the data set.
        device: where the batches are.
    """

    def __init__(self, data: Dataset, trials: Sequence[Trial], device: torch.device) -> None:
        self.data, self.device, self._trials = data, device, trials
        self._images = {split: self._tensor(images) for split, images in data.images.items()}
        own = {split: [labels] * len(trials) for split, labels in data.labels.items()}
        own["train"] = [_labels(trial, data.labels["train"]) for trial in trials]
        alike = all(labels is each[0] for each in own.values() for labels in each)
        #: [R, N] of each split; where all replicas have the same ones, held once.
        self._labels = {
            split: self._tensor(each[0]).expand(len(trials), -1)
            if alike
            else self._tensor(np.stack(each))
            for split, each in own.items()
        }
        self._mean = self._tensor(data.mean)

    def alone(self, replica: int) -> "Batches":
        """Those of one replica, from the same memory."""
        one = copy.copy(self)
        one._trials = self._trials[replica : replica + 1]
        one._labels = {k: v[replica : replica + 1] for k, v in self._labels.items()}
        return one

    def training(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, each replica's in its own order.

        The last batch holds what is left over.

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
        for start in range(0, len(images), self._ahead * size):
            rows = order[:, start : start + self._ahead * size]
            taken = self._normalise(images.index_select(0, rows.flatten()))
            if moves is not None:
                moved = moves[:, :, start : start + rows.shape[1]]
                taken = shift_and_mirror(taken, *moved.flatten(start_dim=1))
            ahead = torch.split(taken.view(*rows.shape, *self.data.shape), size, dim=1)
            told = torch.split(labels.gather(1, rows), size, dim=1)
            yield from zip(ahead, told, strict=True)

    @property
    def _ahead(self) -> int:
        """Batches that are gathered at once: as many as stay in a core's cache, on a GPU more."""
        one = len(self._trials) * self._trials[0].batch_size * math.prod(self.data.shape)
        return max(1, (_AHEAD if self.device.type == "cpu" else _AHEAD_ON_GPU) // one)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return math.ceil(len(self._images["train"]) / self._trials[0].batch_size)

    def balanced(self, per_class: int) -> tuple[Tensor, Tensor]:
        """For each replica the first training images of each class, in an order of its own.

        The order is none of an epoch's. Without augmentation.

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
        taken = self._normalise(self._images["train"].index_select(0, picked.flatten()))
        return taken.view(*picked.shape, *self.data.shape), self._labels["train"].gather(1, picked)

    def evaluation(self, split: str, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """A split in its own order, the same for all replicas, in batches of ``size``.

        Yields:
            Normalised images [R, B, channels, height, width] and labels [R, B].
        """
        batches = torch.split(self._images[split], size)
        for images, labels in zip(batches, torch.split(self._labels[split], size, 1), strict=True):
            normal = self._normalise(images)
            yield normal.expand(len(self._trials), *normal.shape), labels

    def _moves(self, epoch: int, places: Sequence[npt.NDArray[np.int64] | slice]) -> Tensor | None:
        """Shifts down and right in pixels, and 1 for mirrored, for each image in its order.

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
            most = max(1, height // _SHIFT), max(1, width // _SHIFT)
            moves = [_whole(down, most[0]), _whole(right, most[1])]
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
            return torch.from_numpy(array).to(self.device)


def order_seed(trial: Trial) -> int:
    """The seed of a trial's data order and of what is done to its images."""
    return trial.seed if trial.order_seed < 0 else trial.order_seed


def _labels(trial: Trial, given: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The training images' labels, or, where the trial says so, dealt anew by its seed."""
    if trial.labels == "given":
        return given
    return given[randomness.permutation(trial.seed, "labels", 0, len(given))]


def _within_batches(trial: Trial, epoch: int, n: int, size: int) -> npt.NDArray[np.int64] | slice:
    """Where each of the n images of an epoch comes from, moved within its batch, [n].

    The sums over a batch are the same then but for their rounding.
    """
    if not trial.rounding:
        return slice(None)
    chance = randomness.permutation(trial.rounding, "rounding", epoch, n)
    return np.lexsort((chance, np.arange(n) // size))


def _whole(uniform: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.float64]:
    """Whole numbers from -most to most, all equally likely, from uniform numbers."""
    return np.floor(uniform * (2 * most + 1)) - most


def shift_and_mirror(images: Tensor, down: Tensor, right: Tensor, mirrored: Tensor) -> Tensor:
    """Each image mirrored left to right where told, then shifted; the edge fills what comes free.

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
