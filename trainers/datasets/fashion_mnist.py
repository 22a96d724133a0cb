"""Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747): clothes, in MNIST's shape and numbers.

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
    "fashion-mnist",
    "FashionMNIST",
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
check = _PUBLISHED.check


def read(root: Path) -> Source:
    """Read it from ``root/FashionMNIST/raw``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    return as_source(read_idx(_PUBLISHED, root), held_out(60_000))
