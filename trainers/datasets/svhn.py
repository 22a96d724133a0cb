"""SVHN (Netzer et al. 2011): 73,257 and 26,032 house numbers of 32x32 pixels in colour.

Validation is a fixed random 5,000 of the training images.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from studies.errors import UserError
from trainers.datasets import Source, held_out
from trainers.datasets._published import Published

SHAPE = (3, 32, 32)
CLASSES = 10
IMAGES = (68_257, 31_032)
PARQUET = True

_TRAIN, _TEST = "train_32x32.mat", "test_32x32.mat"


def _download(published: Any, root: Path) -> None:
    for split in ("train", "test"):
        published.SVHN(root / "SVHN", split=split, download=True)


_PUBLISHED = Published(
    name="svhn",
    folder="SVHN",
    files=((_TRAIN,), (_TEST,)),
    md5={_TRAIN: "e26dedcc434d2e4c54c9b2d4a06d8373", _TEST: "eb5a983be6a315427106f1b164d9cef3"},
    address=f"http://ufldl.stanford.edu/housenumbers/{_TEST}",
    download=_download,
    described=f"{_TRAIN} and {_TEST}",
)
check = _PUBLISHED.check


def read(root: Path) -> Source:
    """Read SVHN from ``root/SVHN``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    folder = _PUBLISHED.get(root)
    train_images, train_labels = _images(folder / _TRAIN)
    test_images, test_labels = _images(folder / _TEST)
    return Source(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        classes=CLASSES,
        white=255,
        validation=held_out(len(train_images)),
    )


def _images(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The images of a file, uint8 [N, 3, 32, 32], and their labels, int64 [N].

    The file has the images as [32, 32, 3, N], and the label 10 for the digit 0.
    """
    from scipy.io import loadmat

    content = _PUBLISHED.content(path)
    try:
        read = loadmat(io.BytesIO(content))
        images, labels = read["X"].transpose(3, 2, 0, 1), read["y"].ravel().astype(np.int64)
    except (ValueError, KeyError, OSError) as error:
        raise UserError(f"data set svhn: {path} cannot be read ({error})") from None
    return np.ascontiguousarray(images), labels % CLASSES
