"""CIFAR-10 (Krizhevsky 2009): 50,000 and 10,000 colour images of 32x32 pixels, 10 classes.

Through torchvision. Validation is a fixed random 5,000 of the training images.
"""

from pathlib import Path

from trainers.datasets import Source
from trainers.datasets._cifar import read_cifar

SHAPE = (3, 32, 32)
CLASSES = 10
IMAGES = (45_000, 15_000)


def read(root: Path) -> Source:
    """Read it from ``root``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    from torchvision.datasets import CIFAR10

    return read_cifar("cifar10", CIFAR10, root, 10)
