"""A folder of one's own images, with a folder per class: ``folder:PATH``.

PATH/train/CLASS/*.png and PATH/test/CLASS/*.png, with PATH/validation/CLASS/*.png if you like; or
PATH/CLASS/*.png, of which a fixed random fifth is the test set. Where there is no validation set, a
fixed random tenth of the training images (at most 5,000) is held out. Classes are the folders'
names in their order. ``folder(size=32):PATH`` crops and scales each image to 32x32 pixels.

Hidden files and folders, and files whose names do not end like an image's, are passed over.
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


def read(root: Path, *, size: int) -> Source:
    """Read all images below a folder.

    Raises:
        UserError: there is no such folder, fewer than two classes, a class without images, or an
            image that cannot be read.
    """
    if not root.is_dir():
        raise UserError(f"data set folder:{root}: no such folder")
    inside = _folders(root)
    split = "train" in inside
    if split and inside.keys() - set(_SPLITS):
        odd = ", ".join(sorted(inside.keys() - set(_SPLITS)))
        raise UserError(
            f"data set folder:{root}: beside train there is {odd}; known are {', '.join(_SPLITS)}"
        )
    classes = sorted(_folders(inside["train"] if split else root))
    if len(classes) < 2:
        raise UserError(
            f"data set folder:{root}: {len(classes)} classes; put the images into a folder per "
            "class, at least two, as in PATH/train/CLASS/*.png or PATH/CLASS/*.png"
        )
    if not split:
        return as_source(_images(root, classes), [], [], len(classes), size)
    train, validation, test = (
        _images(inside[name], classes) if name in inside else [] for name in _SPLITS
    )
    return as_source(train, validation, test, len(classes), size)


def _folders(root: Path) -> dict[str, Path]:
    return {p.name: p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")}


def _files(root: Path) -> Iterator[Path]:
    """The image files below a folder; hidden files and folders are passed over.

    Raises:
        UserError: one is a link that leads nowhere, or a pipe, which would be waited for.
    """
    for folder, inside, files in os.walk(root, onerror=_fail):
        inside[:] = [name for name in inside if not name.startswith(".")]
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
    found = []
    for label, name in enumerate(classes):
        files = sorted(_files(root / name))
        if not files:
            raise UserError(f"data set folder:{root}: no images in the class {name}")
        if _folders(root / name) and all(path.parent != root / name for path in files):
            raise UserError(
                f"data set folder:{root}: {name} holds folders and no image itself; is it a split? "
                f"Splits are named {', '.join(_SPLITS)}, and a folder in them is a class"
            )
        found += [Labelled(str(path), path, label) for path in files]
    return found
