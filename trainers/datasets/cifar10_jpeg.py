"""CIFAR-10 with its images stored as JPEG (about 30 dB), in Parquet files of the hub's layout.

Compression changes the pixels, so this is another data set than `cifar10`, with a name of its own.
It cannot be downloaded: it is read from ``root/cifar10-jpeg``, or from ``root`` itself, which has
``train-*.parquet`` and ``test-*.parquet`` with a column of images and one of labels. Validation is
the same fixed random 5,000 positions among the training images as for `cifar10`.
"""

from dataclasses import replace
from pathlib import Path

from studies.errors import UserError
from trainers.datasets import Source, held_out, parquet

SHAPE = (3, 32, 32)
CLASSES = 10
IMAGES = (45_000, 15_000)
PARQUET = True

#: How a JPEG file begins.
_JPEG = b"\xff\xd8\xff"


def check(root: Path) -> None:
    """Check that its files are there, and that they are JPEG files.

    Raises:
        UserError: they are not there, or the first image is no JPEG file.
    """
    folder = _folder(root)
    if not [*folder.glob("train*.parquet"), *(folder / "data").glob("train*.parquet")]:
        raise UserError(
            f"data set cifar10-jpeg: no train*.parquet in {folder}; it cannot be downloaded, so "
            "give the folder that has it, as in --data cifar10-jpeg=DIR, or use cifar10"
        )
    first = next(parquet.images(parquet.files(folder)[0][0]), None)
    if first is None:
        raise UserError(f"data set cifar10-jpeg: the first train*.parquet in {folder} is empty")
    content = first.source
    if not isinstance(content, bytes) or not content.startswith(_JPEG):
        raise UserError(
            f"data set cifar10-jpeg: the images in {folder} are no JPEG files; give the original "
            "images the name cifar10, or another name: --data NAME=parquet:DIR"
        )


def read(root: Path) -> Source:
    """Read it from a folder.

    Raises:
        UserError: it is not there, its images are no JPEG files, or they are not CIFAR-10's.
    """
    check(root)
    source = parquet.read(_folder(root), size=0)
    if not parquet.files(_folder(root))[1]:  # the same positions as for `cifar10`
        source = replace(source, validation=held_out(len(source.train_images)))
    shape = source.train_images.shape[1:]
    if shape != SHAPE or source.classes != CLASSES:
        words = "x".join(map(str, (*shape[1:], shape[0])))
        raise UserError(
            f"data set cifar10-jpeg: {_folder(root)} has images of {words} in {source.classes} "
            "classes, not of 32x32x3 in 10"
        )
    return source


read_parquet = read


def _folder(root: Path) -> Path:
    """The folder of its own in that of all data sets, or the folder itself."""
    folder = root / "cifar10-jpeg"
    return folder if folder.is_dir() else root
