"""MNIST (LeCun et al. 1998): 60,000 and 10,000 images of 28x28 pixels.

Validation is the first 5,000 training images, as in the official implementation.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainers.datasets import Source
from trainers.datasets._idx import as_source, idx_files, read_idx

SHAPE = (1, 28, 28)
CLASSES = 10
IMAGES = (55_000, 15_000)
PARQUET = True

_PUBLISHED = idx_files(
    "mnist",
    "MNIST",
    {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
check = _PUBLISHED.check


def read(root: Path) -> Source:
    """Read MNIST from ``root/MNIST/raw``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    return as_source(read_idx(_PUBLISHED, root), validation(60_000))


def validation(n: int) -> npt.NDArray[np.int64]:
    """Return the indices, int64, of the first 5,000 of ``n`` training images."""
    return np.arange(min(n, 5_000))
