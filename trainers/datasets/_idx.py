"""MNIST and its successors: four idx files whose checksums torchvision has."""

import gzip
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from studies.errors import UserError
from trainers.datasets import Source
from trainers.datasets._download import download, md5

#: The four files: images and labels of the training set, images and labels of the test set.
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_CLASSES = 10
_SHAPES = ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))


def read_idx(
    name: str, kind: Any, root: Path, unpacked: Mapping[str, str] | None = None
) -> list[npt.NDArray[np.uint8]]:
    """Return the four arrays of a data set; download them if a file is missing.

    An unpacked file is preferred if ``unpacked`` has its MD5. Otherwise a packed file is checked
    against its published MD5 and unpacked in memory; if there is none, the unpacked file is read
    unchecked. All arrays are checked for their shapes.

    Args:
        name: the data set's, for errors.
        kind: torchvision's class, which has the addresses and the checksums.
        root: the folder that contains ``kind.__name__/raw``.
        unpacked: MD5 of the unpacked files, by their names.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    folder = root / kind.__name__ / "raw"
    if not all((folder / f).is_file() or (folder / f"{f}.gz").is_file() for f in FILES):
        download(name, lambda: kind(root, download=True), folder, "the four idx files")
    packed = {file.removesuffix(".gz"): checksum for file, checksum in kind.resources}
    arrays = []
    for file, shape in zip(FILES, _SHAPES, strict=True):
        path, archive = folder / file, folder / f"{file}.gz"
        if path.is_file() and unpacked:
            content = md5(name, path, unpacked[file])
        elif archive.is_file():
            path, content = archive, _unpack(md5(name, archive, packed[file]), shape)
        else:
            content = md5(name, path, None)
        arrays.append(_parse(name, path, content, shape))
    return arrays


def as_source(arrays: list[npt.NDArray[np.uint8]], validation: npt.NDArray[np.int64]) -> Source:
    """Return the four arrays as a data set of ten classes, with these images held out."""
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
