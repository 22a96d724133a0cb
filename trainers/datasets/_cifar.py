"""CIFAR-10 and CIFAR-100."""

import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from studies.errors import UserError
from trainers.datasets import Source, held_out
from trainers.datasets._published import Published


def cifar_files(name: str, kind: str, folder: str, md5: Mapping[str, str]) -> Published:
    """Return the description of such a data set.

    Args:
        name: the data set's.
        kind: torchvision's class.
        folder: the folder of the files, in that of all data sets.
        md5: the published MD5 of each file.
    """
    return Published(
        name=name,
        folder=folder,
        files=tuple((file,) for file in md5),
        md5=md5,
        address="https://www.cs.toronto.edu/~kriz/cifar.html",
        download=lambda published, root: getattr(published, kind)(root, download=True),
        described="the unpacked files",
    )


def read_cifar(
    published: Published, root: Path, train: Sequence[str], test: str, labels: str, classes: int
) -> Source:
    """Read CIFAR; download it if a file is missing.

    The published files are pickles, which can run code when they are read. So all of them are first
    compared with their published checksums.

    Args:
        published: the data set's files.
        root: the folder of all data sets.
        train: the files of the training images.
        test: the file of the test images.
        labels: the key of the labels in each file.
        classes: the number of classes.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    folder = published.get(root)
    contents = {file: published.content(folder / file) for (file,) in published.files}
    try:
        parts = [_images(contents[file], labels) for file in (*train, test)]
    except (pickle.UnpicklingError, KeyError, ValueError) as error:
        raise UserError(f"data set {published.name}: {folder} cannot be read ({error})") from None
    train_images = np.concatenate([images for images, _ in parts[:-1]])
    return Source(
        train_images=train_images,
        train_labels=np.concatenate([labels for _, labels in parts[:-1]]),
        test_images=parts[-1][0],
        test_labels=parts[-1][1],
        classes=classes,
        white=255,
        validation=held_out(len(train_images)),
    )


def _images(content: bytes, labels: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The images of a file, uint8 [N, 3, 32, 32], and their labels, int64 [N]."""
    read = pickle.loads(content, encoding="latin1")  # noqa: S301  (its checksum is the published one)
    return read["data"].reshape(-1, 3, 32, 32), np.array(read[labels], dtype=np.int64)
