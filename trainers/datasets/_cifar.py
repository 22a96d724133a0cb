"""CIFAR-10 and CIFAR-100 through torchvision."""

from pathlib import Path
from typing import Any

import numpy as np

from studies.errors import UserError
from trainers.datasets import Source, held_out
from trainers.datasets._download import download, md5


def read_cifar(name: str, kind: Any, root: Path, classes: int) -> Source:
    """Read CIFAR from ``root/<its folder>``, downloading it there where it is not.

    The published files are pickles, which can run code when they are read. So each is first
    compared with its published checksum.

    Args:
        name: the data set's, for errors.
        kind: torchvision's class, which has the address, the files and the checksums.
        root: the folder that contains the data set's folder.
        classes: the number of classes.

    Raises:
        UserError: it cannot be downloaded, or a file is not the published one.
    """
    folder = root / kind.base_folder
    files = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    if not all((folder / file).is_file() for file, _ in files):
        download(name, lambda: kind(root, download=True), folder, "the unpacked files")
    for file, checksum in files:
        md5(name, folder / file, checksum)
    try:
        train, test = kind(root, train=True), kind(root, train=False)
    except (RuntimeError, OSError) as error:  # torchvision checks the checksums again
        raise UserError(f"data set {name}: {folder} cannot be read ({error})") from None
    return Source(
        train_images=np.ascontiguousarray(train.data.transpose(0, 3, 1, 2)),
        train_labels=np.array(train.targets, dtype=np.int64),
        test_images=np.ascontiguousarray(test.data.transpose(0, 3, 1, 2)),
        test_labels=np.array(test.targets, dtype=np.int64),
        classes=classes,
        white=255,
        validation=held_out(len(train.data)),
    )
