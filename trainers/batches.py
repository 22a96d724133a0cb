"""A data set on its device, as bytes, and the batches taken from it."""

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from studies.trial import Trial
from trainers import randomness
from trainers.datasets import Dataset

#: Images per batch of an evaluation; a part of the engine, since it decides roundings.
_EVALUATION = 1_000


class Batches:
    """Gives a pack its training and evaluation batches.

    The whole data set lies on the device as bytes; a batch is gathered and normalised when it is
    needed: (pixel / white - mean) / std, by the training images' statistics for all splits.

    Args:
        data: the data set.
        trials: of the pack; each has a data order of its own, by its seed.
        device: where the batches are wanted.
    """

    def __init__(self, data: Dataset, trials: Sequence[Trial], device: torch.device) -> None:
        self.data, self._trials, self._device = data, trials, device
        self._images = {split: self._tensor(images) for split, images in data.images.items()}
        self._labels = {split: self._tensor(labels) for split, labels in data.labels.items()}
        self._mean = self._tensor(data.mean)

    def training(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of an epoch, each replica's in its own order.

        The last batch holds what is left over.

        Yields:
            Normalised images [R, B, channels, height, width] and labels [R, B].
        """
        images, labels = self._images["train"], self._labels["train"]
        orders = [randomness.permutation(t.seed, "order", epoch, len(images)) for t in self._trials]
        order = torch.from_numpy(np.stack(orders)).to(self._device)
        for rows in torch.split(order, self._trials[0].batch_size, dim=1):
            taken = images.index_select(0, rows.flatten())
            yield self._normalise(taken.view(*rows.shape, *self.data.shape)), labels[rows]

    def evaluation(self, split: str) -> Iterator[tuple[Tensor, Tensor]]:
        """A split in its own order, the same for all replicas.

        Yields:
            Normalised images [R, B, channels, height, width] and labels [B].
        """
        replicas = len(self._trials)
        whole = self._images[split], self._labels[split]
        for images, labels in zip(*(torch.split(t, _EVALUATION) for t in whole), strict=True):
            normal = self._normalise(images)
            yield normal.expand(replicas, *normal.shape), labels

    def _normalise(self, images: Tensor) -> Tensor:
        return images.float().div_(self.data.white).sub_(self._mean).div_(self.data.std)

    def _tensor(self, array: npt.NDArray[np.generic]) -> Tensor:
        with warnings.catch_warnings():
            # Arrays shared between a node's workers are read-only; nothing here writes to them.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return torch.from_numpy(array).to(self._device)
