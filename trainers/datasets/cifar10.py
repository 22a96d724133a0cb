"""CIFAR-10 (Krizhevsky 2009): 50,000 and 10,000 colour images of 32x32 pixels, 10 classes.

Validation is a fixed random 5,000 of the training images.
"""

from pathlib import Path

from trainers.datasets import Source
from trainers.datasets._cifar import cifar_files, read_cifar

SHAPE = (3, 32, 32)
CLASSES = 10
IMAGES = (45_000, 15_000)
PARQUET = True

_TRAIN = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")
_PUBLISHED = cifar_files(
    "cifar10",
    "CIFAR10",
    "cifar-10-batches-py",
    {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    },
)
check = _PUBLISHED.check


def read(root: Path) -> Source:
    """Read it from ``root/cifar-10-batches-py``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    return read_cifar(_PUBLISHED, root, _TRAIN, "test_batch", "labels", CLASSES)
