"""MNIST (LeCun et al. 1998) through torchvision: 60,000 and 10,000 images of 28x28 pixels.

Validation is the first 5,000 training images, as in the official implementation.
"""

from pathlib import Path

import numpy as np

from trainers.datasets import Source
from trainers.datasets._idx import as_source, read_idx

SHAPE = (1, 28, 28)
CLASSES = 10
IMAGES = (55_000, 15_000)

#: MD5 of the four published files, unpacked.
_UNPACKED = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def read(root: Path) -> Source:
    """Read MNIST from ``root/MNIST/raw``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    from torchvision.datasets import MNIST

    return as_source(read_idx("mnist", MNIST, root, _UNPACKED), np.arange(5_000))
