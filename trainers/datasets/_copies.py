"""Published data sets in Parquet, as the Hugging Face hub has them: ``cifar10=parquet:PATH``.

The images are the published ones where they are stored without loss, in the published order. Their
fingerprint is then that of the published files. No checksum proves it, so what a published data set
must be is checked: the images' shape, the classes and the number of images.
"""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from studies.errors import UserError
from trainers.datasets import Source, held_out, parquet

#: How a JPEG file begins.
_JPEG = b"\xff\xd8\xff"


def check(name: str, module: Any, root: Path) -> None:
    """Check that Parquet files are there, and that the first image is stored without loss.

    Args:
        name: the data set's.
        module: its component.
        root: one file, or the folder of the files.

    Raises:
        UserError: this is not the case.
    """
    if hasattr(module, "read_parquet"):
        module.check(root)
        return
    paths = itertools.chain(*parquet.files(root))
    first = next(parquet.images(next(paths)), None)
    if first is None:
        raise UserError(f"data set {name}: parquet:{root}: the first file is empty")
    if isinstance(first.source, bytes) and first.source.startswith(_JPEG):
        raise UserError(
            f"data set {name}: the images in {root} are JPEG files, which are not the published "
            f"images; for CIFAR-10 use the data set cifar10-jpeg, otherwise another name, in a "
            "copy of the study file"
        )


def read(name: str, module: Any, root: Path) -> Source:
    """Read a published data set from Parquet files.

    Args:
        name: the data set's.
        module: its component, which declares SHAPE, CLASSES and IMAGES.
        root: the folder of the files.

    Raises:
        UserError: the files cannot be read, or are not those of the data set.
    """
    if hasattr(module, "read_parquet"):
        return module.read_parquet(root)  # type: ignore[no-any-return]
    check(name, module, root)
    source = parquet.read(root, size=0)
    counts = len(source.train_images) + len(source.test_images)
    found = (source.train_images.shape[1:], source.classes, counts)
    wanted = (tuple(module.SHAPE), module.CLASSES, sum(module.IMAGES))
    if found != wanted:
        raise UserError(
            f"data set {name}: parquet:{root} has {_described(*found)}, not {_described(*wanted)}; "
            "give it another name"
        )
    held = getattr(module, "validation", held_out)(len(source.train_images))
    _, validation, _ = parquet.files(root)
    if validation:
        raise UserError(
            f"data set {name}: parquet:{root} has a validation split, which the published data set "
            "has not; give it another name"
        )
    return dataclasses.replace(source, validation=np.asarray(held), names=())


def _described(shape: tuple[int, ...], classes: int, count: int) -> str:
    channels, height, width = shape
    return f"{count:,} images of {height}x{width}x{channels} in {classes} classes"
