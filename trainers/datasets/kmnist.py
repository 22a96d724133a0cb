"""Kuzushiji-MNIST (Clanuwat et al. 2018, arXiv:1812.01718): old Japanese characters as in MNIST.

Validation is a fixed random 5,000 of the 60,000 training images.
"""

from pathlib import Path

from trainers.datasets import Source, held_out
from trainers.datasets._idx import as_source, idx_files, read_idx

SHAPE = (1, 28, 28)
CLASSES = 10
IMAGES = (55_000, 15_000)
PARQUET = True

_PUBLISHED = idx_files(
    "kmnist",
    "KMNIST",
    {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    },
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
)
check = _PUBLISHED.check


def read(root: Path) -> Source:
    """Read it from ``root/KMNIST/raw``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    return as_source(read_idx(_PUBLISHED, root), held_out(60_000))
