"""The user's own images, with a folder per class: ``folder:PATH``.

The images are PATH/train/CLASS/*.png and PATH/test/CLASS/*.png, and optionally
PATH/validation/CLASS/*.png. Or they are PATH/CLASS/*.png, and a fixed random fifth becomes the test
set. Without a validation set a fixed random tenth of the training images (at most 5,000) is held
out. Classes are numbered in the order of the folders' names. ``folder(size=32):PATH`` crops and
scales each image to 32x32 pixels.

Hidden files and folders are ignored, and so are files whose names do not end like an image's.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from studies.errors import UserError
from trainers.datasets import Source
from trainers.datasets._images import SUFFIXES, Labelled, as_source

PATTERN = r"folder:"
EXAMPLES = ("folder:PATH", "folder(size=32):PATH")
PARAMETERS = {"size": (0, 1, 4096)}
NOTE = "images of your own are named with --data NAME=folder:PATH or in the study's `data`"

_SPLITS = ("train", "validation", "test")


def check(root: Path, *, size: int) -> None:
    """Check that there is a folder per class.

    Raises:
        UserError: there is no such folder, or there are fewer than two classes.
    """
    _layout(root)


def read(root: Path, *, size: int) -> Source:
    """Read all images below a folder.

    Raises:
        UserError: there is no such folder, there are fewer than two classes, a class has no
            images, or an image cannot be read.
    """
    splits, classes = _layout(root)
    train, validation, test = (
        _images(splits[name], classes) if name in splits else [] for name in _SPLITS
    )
    return as_source(train, validation, test, len(classes), size)


def _layout(root: Path) -> tuple[dict[str, Path], list[str]]:
    """The folder of each split, by its name, and the names of the classes.

    Raises:
        UserError: there is no such folder, there are fewer than two classes, or beside the splits
            there is another folder.
    """
    if not root.is_dir():
        raise UserError(f"data set folder:{root}: no such folder")
    folders = _folders(root)
    if "train" not in folders:
        folders = {"train": root}
    elif folders.keys() - set(_SPLITS):
        odd = ", ".join(sorted(folders.keys() - set(_SPLITS)))
        raise UserError(
            f"data set folder:{root}: beside train there is {odd}; known are {', '.join(_SPLITS)}"
        )
    classes = sorted(_folders(folders["train"]))
    if len(classes) < 2:
        raise UserError(
            f"data set folder:{root}: {len(classes)} classes; put the images into a folder per "
            "class, at least two, as in PATH/train/CLASS/*.png or PATH/CLASS/*.png"
        )
    return folders, classes


def _folders(root: Path) -> dict[str, Path]:
    return {p.name: p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")}


def _files(root: Path) -> Iterator[Path]:
    """The image files below a folder, without hidden files and folders.

    Raises:
        UserError: one is a broken link, or a pipe, whose reading would never end.
    """
    for folder, subfolders, files in os.walk(root, onerror=_fail):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and name.lower().endswith(SUFFIXES):
                path = Path(folder) / name
                if not path.is_file():
                    raise UserError(f"{path}: is not a file, though it is named like an image's")
                yield path


def _fail(error: OSError) -> None:
    raise error


def _images(root: Path, classes: list[str]) -> list[Labelled]:
    """The images of a split in the order of their names, class by class."""
    unknown = sorted(_folders(root).keys() - set(classes))
    if unknown:
        raise UserError(f"data set folder:{root}: class {unknown[0]} is not among those of train")
    images = []
    for label, name in enumerate(classes):
        files = sorted(_files(root / name))
        if not files:
            raise UserError(f"data set folder:{root}: no images in the class {name}")
        if _folders(root / name) and all(path.parent != root / name for path in files):
            raise UserError(
                f"data set folder:{root}: {name} holds folders and no image itself; is it a split? "
                f"Splits are named {', '.join(_SPLITS)}, and a folder in them is a class"
            )
        images += [Labelled(str(path), path, label) for path in files]
    return images
