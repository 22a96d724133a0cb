"""SVHN (Netzer et al. 2011): 73,257 and 26,032 house numbers of 32x32 pixels in colour.

Through torchvision. Validation is a fixed random 5,000 of the training images.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from studies.errors import UserError
from trainers.datasets import Source, held_out
from trainers.datasets._download import download, md5

SHAPE = (3, 32, 32)
CLASSES = 10
IMAGES = (68_257, 31_032)


def read(root: Path) -> Source:
    """Read SVHN from ``root/SVHN``, downloading it if it is not there.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    from torchvision.datasets import SVHN

    folder = root / "SVHN"
    for split in ("train", "test"):
        _, file, checksum = SVHN.split_list[split]
        if not (folder / file).is_file():
            download("svhn", _fetch(folder, split), folder, "train_32x32.mat and test_32x32.mat")
        md5("svhn", folder / file, checksum)
    try:
        train, test = SVHN(folder, split="train"), SVHN(folder, split="test")
    except (RuntimeError, OSError, ValueError) as error:
        raise UserError(f"data set svhn: {folder} cannot be read ({error})") from None
    return Source(
        train_images=np.ascontiguousarray(train.data),
        train_labels=train.labels.astype(np.int64),
        test_images=np.ascontiguousarray(test.data),
        test_labels=test.labels.astype(np.int64),
        classes=10,
        white=255,
        validation=held_out(len(train.data)),
    )


def _fetch(folder: Path, split: str) -> Callable[[], object]:
    from torchvision.datasets import SVHN

    return lambda: SVHN(folder, split=split, download=True)
