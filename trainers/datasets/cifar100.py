"""CIFAR-100 (Krizhevsky 2009): 50,000 and 10,000 colour images of 32x32 pixels, 100 classes.

Validation is a fixed random 5,000 of the training images.
"""

from pathlib import Path

from trainers.datasets import Source
from trainers.datasets._cifar import cifar_files, read_cifar

SHAPE = (3, 32, 32)
CLASSES = 100
IMAGES = (45_000, 15_000)
PARQUET = True

_PUBLISHED = cifar_files(
    "cifar100",
    "CIFAR100",
    "cifar-100-python",
    {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    },
)
check = _PUBLISHED.check


def read(root: Path) -> Source:
    """Read it from ``root/cifar-100-python``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    return read_cifar(_PUBLISHED, root, ("train",), "test", "fine_labels", CLASSES)
