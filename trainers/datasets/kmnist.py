"""Kuzushiji-MNIST (Clanuwat et al. 2018, arXiv:1812.01718): old Japanese characters as in MNIST.

Through torchvision. Validation is a fixed random 5,000 of the 60,000 training images.
"""

from pathlib import Path

from trainers.datasets import Source, held_out
from trainers.datasets._idx import as_source, read_idx

SHAPE = (1, 28, 28)
CLASSES = 10
IMAGES = (55_000, 15_000)


def read(root: Path) -> Source:
    """Read it from ``root/KMNIST/raw``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    from torchvision.datasets import KMNIST

    return as_source(read_idx("kmnist", KMNIST, root), held_out(60_000))
