"""MNIST (LeCun et al. 1998) through torchvision: 60,000 and 10,000 images of 28x28 pixels.

Validation is the first 5,000 training images, as in the official implementation.
"""

import contextlib
import hashlib
import sys
from pathlib import Path

import numpy as np

from studies.errors import UserError
from trainers.datasets import Source

#: MD5 of the four published files, unpacked.
_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def read(root: Path) -> Source:
    """Read MNIST from ``root/MNIST/raw``, downloading it there where it is not.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    from torchvision.datasets import MNIST

    folder = root / "MNIST" / "raw"
    if not all((folder / name).is_file() for name in _MD5):
        _download(root, folder)
    for name, md5 in _MD5.items():
        if _md5(folder / name) != md5:
            raise UserError(
                f"data set mnist: {folder / name} is damaged (its MD5 is not {md5}); "
                "delete it to have it downloaded again"
            )
    train, test = MNIST(root, train=True), MNIST(root, train=False)
    return Source(
        train_images=train.data.numpy()[:, None],
        train_labels=train.targets.numpy(),
        test_images=test.data.numpy()[:, None],
        test_labels=test.targets.numpy(),
        classes=10,
        white=255,
        validation=np.arange(5_000),
    )


def _md5(path: Path) -> str:
    try:
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    except OSError as error:
        raise UserError(f"data set mnist: {path} cannot be read ({error.strerror})") from None


def _download(root: Path, folder: Path) -> None:
    from torchvision.datasets import MNIST

    try:
        with contextlib.redirect_stdout(sys.stderr):
            MNIST(root, download=True)
    except (RuntimeError, OSError) as error:  # torchvision raises both for a failed download
        with contextlib.suppress(OSError):  # what it made of empty folders goes, files stay
            folder.rmdir()
            folder.parent.rmdir()
        raise UserError(
            f"data set mnist: not in {folder}, and downloading it failed ({error}); put the four "
            "unpacked idx files there, or name the folder that holds MNIST/raw with --data DIR or "
            "the environment variable UNTUNED_DATA"
        ) from None
