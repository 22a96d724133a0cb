"""Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747): clothes, in MNIST's shape and numbers.

Through torchvision. Validation is a fixed random 5,000 of the 60,000 training images.
"""

from pathlib import Path

from trainers.datasets import Source, held_out
from trainers.datasets._idx import as_source, read_idx

SHAPE = (1, 28, 28)
CLASSES = 10
IMAGES = (55_000, 15_000)


def read(root: Path) -> Source:
    """Read it from ``root/FashionMNIST/raw``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    from torchvision.datasets import FashionMNIST

    return as_source(read_idx("fashion-mnist", FashionMNIST, root), held_out(60_000))
