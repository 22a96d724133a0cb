"""MNIST and its successors: four idx files, packed or unpacked."""

import gzip
import io
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from studies.errors import UserError
from trainers.datasets import Source
from trainers.datasets._published import Published

#: The four files: images and labels of the training set, images and labels of the test set.
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_CLASSES = 10
_SHAPES = ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))


def idx_files(name: str, kind: str, md5: Mapping[str, str], server: str) -> Published:
    """Return the description of such a data set.

    Args:
        name: the data set's.
        kind: torchvision's class, whose name is that of the data set's folder.
        md5: the published MD5 of the packed files, and of the unpacked ones where it is known.
        server: the address of the folder that the packed files are downloaded from.
    """
    return Published(
        name=name,
        folder=f"{kind}/raw",
        files=tuple((file, f"{file}.gz") for file in FILES),
        md5=md5,
        address=f"{server}{FILES[1]}.gz",
        download=lambda published, root: getattr(published, kind)(root, download=True),
        described="the four idx files",
    )


def read_idx(published: Published, root: Path) -> list[npt.NDArray[np.uint8]]:
    """Return the four arrays of a data set; download them if a file is missing.

    An unpacked file is preferred if its MD5 is known. Otherwise a packed file is checked against
    its published MD5 and unpacked in memory; if there is none, the unpacked file is read unchecked.
    All arrays are checked for their shapes.

    Args:
        published: the data set's files.
        root: the folder of all data sets.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    folder = published.get(root)
    arrays = []
    for file, shape in zip(FILES, _SHAPES, strict=True):
        path, archive = folder / file, folder / f"{file}.gz"
        if archive.is_file() and not (path.is_file() and file in published.md5):
            path, content = archive, _unpack(published.content(archive), shape)
        else:
            content = published.content(path)
        arrays.append(_parse(published.name, path, content, shape))
    return arrays


def as_source(arrays: list[npt.NDArray[np.uint8]], validation: npt.NDArray[np.int64]) -> Source:
    """Return the four arrays as a data set of ten classes.

    Args:
        arrays: training images [N, height, width], their labels [N], test images and labels.
        validation: indices of the training images that are held out.
    """
    train_images, train_labels, test_images, test_labels = arrays
    return Source(
        train_images=train_images[:, None],
        train_labels=train_labels.astype(np.int64),
        test_images=test_images[:, None],
        test_labels=test_labels.astype(np.int64),
        classes=_CLASSES,
        white=255,
        validation=validation,
    )


def _unpack(content: bytes, shape: tuple[int, ...]) -> bytes:
    """The unpacked bytes, at most one more than the file should have."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
        return stream.read(_size(shape) + 1)


def _size(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape) + math.prod(shape)


def _parse(name: str, path: Path, content: bytes, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """An idx file's array: 0, 0, 8 (unsigned bytes), dimensions, their sizes (big endian), bytes.

    An array of one dimension has labels. They are checked too, since a file without a known
    checksum may hold one that is no class.
    """
    head = bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">u4").tobytes()
    if len(content) == _size(shape) and content.startswith(head):
        array = np.frombuffer(content, dtype=np.uint8, offset=len(head)).reshape(shape)
        if len(shape) > 1 or array.max() < _CLASSES:
            return array
    kind = "images" if len(shape) > 1 else f"labels below {_CLASSES}"
    raise UserError(
        f"data set {name}: {path} is damaged (not an idx file of {kind}, {shape} bytes); "
        "delete it to have it downloaded again"
    )
