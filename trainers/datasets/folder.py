"""The user's own images, with a folder per class: ``folder:PATH``.

The images are PATH/train/CLASS/*.png and PATH/test/CLASS/*.png, and optionally
PATH/validation/CLASS/*.png; training, valid, val, dev, testing and eval name these splits too. Or
they are PATH/CLASS/*.png. Without a test set a fixed random fifth becomes one. Without a validation
set a fixed random tenth of the training images (at most 5,000) is held out. Both are drawn class by
class. Classes are numbered in the order of the folders' names; two Unicode forms of a name are one
name. Images in folders below a class's folder belong to the class, and these folders are named.
``folder(size=32):PATH`` crops and scales each image to 32x32 pixels.

Hidden files and folders, those that systems keep for themselves, and files that do not end like an
image are named and not read. A link to a folder below a class, two folders that are one (a link to
the other), an image that lies beside the folders of the classes, and an image in a format that is
not read are refused.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studies.errors import UserError
from trainers.datasets import Source
from trainers.datasets._images import FORMATS, OTHER_SUFFIXES, SUFFIXES, Labelled, as_source
from trainers.datasets._layout import SPLITS, is_of_system, listed, one_form, split_of

PATTERN = r"folder:"
EXAMPLES = ("folder:PATH", "folder(size=32):PATH")
PARAMETERS = {"size": (0, 1, 4096)}
NOTE = "images of your own are named with --data NAME=folder:PATH or in the study's `data`"


@dataclass
class _Found:
    """What lies in a data set.

    Attributes:
        root: its folder.
        splits: the folders of each class, by class and split; a class may have two, whose names
            differ in their Unicode form.
        others: files and folders that are not read.
        below: folders of images below the folders of the classes.
        seen: all folders with images so far, by their paths without links.
    """

    root: Path
    splits: dict[str, dict[str, list[Path]]]
    others: list[Path]
    below: set[Path] = field(default_factory=set)
    seen: dict[str, Path] = field(default_factory=dict)


def check(root: Path, *, size: int) -> None:
    """Check that there is a folder per class with images, by the names of the files alone.

    Raises:
        UserError: there is no such folder, there are fewer than two classes, a class has no
            images, or something would be missed.
    """
    _by_split(_layout(root))


def read(root: Path, *, size: int) -> Source:
    """Read all images below a folder.

    Raises:
        UserError: there is no such folder, there are fewer than two classes, a class has no
            images, something would be missed, or an image cannot be read.
    """
    found = _layout(root)
    names = sorted(found.splits["train"])
    images = _by_split(found)
    train, validation, test = (images.get(split, []) for split in SPLITS)
    notes = [
        *listed("not read", found.others, root),
        *listed("read as images of the class around it", found.below, root),
    ]
    return as_source(train, validation, test, names, size, notes)


def _by_split(found: _Found) -> dict[str, list[Labelled]]:
    """The images of each split, class by class.

    Raises:
        UserError: a class has no images, or something would be missed.
    """
    names = sorted(found.splits["train"])
    return {
        split: [
            image
            for label, name in enumerate(names)
            for image in _images(label, found.splits[split].get(name, ()), found)
        ]
        for split in SPLITS
        if split in found.splits
    }


def _layout(root: Path) -> _Found:
    """The folders of each class in each split.

    Raises:
        UserError: there is no such folder, there are fewer than two classes, a split has no class,
            or one that train has not, or beside the splits there is another folder.
    """
    if not root.is_dir():
        raise UserError(f"data set folder:{root}: no such folder")
    others = list[Path]()
    folders = _folders(root, others)
    by_split: dict[str, list[Path]] = {}
    for name, paths in folders.items():
        by_split.setdefault(_split(name), []).extend(paths)
    if "train" not in by_split:
        by_split = {"train": [root]}
    elif "" in by_split:
        odd = ", ".join(sorted(path.name for path in by_split[""]))
        raise UserError(
            f"data set folder:{root}: beside train there is {odd}; known are {', '.join(SPLITS)}"
        )
    for split, paths in by_split.items():
        if len(paths) > 1:
            raise UserError(
                f"data set folder:{root}: {' and '.join(sorted(path.name for path in paths))} are "
                f"both the split {split}; leave one"
            )
    others = [] if by_split["train"] == [root] else others
    splits = {split: _folders(paths[0], others) for split, paths in by_split.items()}
    if len(splits["train"]) < 2:
        raise UserError(
            f"data set folder:{root}: {len(splits['train'])} classes; put the images into a folder "
            "per class, at least two, as in PATH/train/CLASS/*.png or PATH/CLASS/*.png"
        )
    for split, classes in splits.items():
        if not classes:  # as after a copy that was cut short; one of our own would take its place
            raise UserError(
                f"data set folder:{root}: {by_split[split][0].name} holds no class; put a folder "
                "per class into it, or delete it"
            )
        if unknown := sorted(classes.keys() - splits["train"].keys()):
            raise UserError(
                f"data set folder:{root}: class {unknown[0]} is not among those of train"
            )
    return _Found(root, splits, others)


def _split(name: str) -> str:
    """The split that a folder's whole name stands for; empty if there is none."""
    return (split_of(name) if name.isalpha() else None) or ""


def _folders(root: Path, others: list[Path]) -> dict[str, list[Path]]:
    """The folders in a folder by their names; other files are appended to ``others``.

    Raises:
        UserError: there is an image beside the folders.
    """
    folders: dict[str, list[Path]] = {}
    for path in sorted(root.iterdir(), key=_sorted_by):
        if is_of_system(path.name):
            others.append(path)
        elif path.is_dir():
            folders.setdefault(one_form(path.name), []).append(path)
        elif path.name.lower().endswith((*SUFFIXES, *OTHER_SUFFIXES)):
            raise UserError(
                f"{path}: an image beside the folders of the classes; move it into one of them"
            )
        else:
            others.append(path)
    return folders


def _files(root: Path, found: _Found) -> list[Path]:
    """The image files below a folder in the order of their names.

    Raises:
        UserError: there is an image that is not read, a broken link or a pipe, whose reading would
            never end, or a folder that is a link, or is read already.
    """
    images, folders = [], [root]
    while folders:
        folder = folders.pop()
        other = found.seen.setdefault(os.path.realpath(folder), folder)
        if other != folder:
            raise UserError(
                f"{folder}: is the same folder as {other}, whose images would count twice; leave "
                "one out"
            )
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if is_of_system(entry.name):
                    found.others.append(Path(entry.path))
                elif not entry.is_dir():
                    images += _image(entry, found.others)
                elif entry.is_symlink():
                    raise UserError(
                        f"{entry.path}: is a link to a folder, which is not followed; put the "
                        "folder itself there, or links to its files"
                    )
                else:
                    folders.append(Path(entry.path))
    return sorted(images, key=_sorted_by)


def _image(entry: os.DirEntry[str], others: list[Path]) -> list[Path]:
    """The path of an image file; none of another file, which is appended to ``others``.

    Raises:
        UserError: it is an image that is not read, or is named like an image's and is no file.
    """
    path, name = Path(entry.path), entry.name.lower()
    if name.endswith(OTHER_SUFFIXES):
        raise UserError(
            f"{path}: an image in a format that is not read; known are {', '.join(FORMATS)}; "
            "convert it, or leave it out"
        )
    if not name.endswith(SUFFIXES):
        others.append(path)
        return []
    if not entry.is_file():
        raise UserError(f"{path}: is not a file, though it is named like an image's")
    return [path]


def _sorted_by(path: Path) -> tuple[tuple[str, ...], str]:
    """A key that sorts paths by their names, in whatever Unicode form these are."""
    return tuple(map(one_form, path.parts)), str(path)


def _images(label: int, folders: Sequence[Path], found: _Found) -> list[Labelled]:
    """The images of a class in a split, in the order of their names.

    Raises:
        UserError: there is none, all lie in folders below, or something would be missed.
    """
    files = [path for folder in folders for path in _files(folder, found)]
    if not folders:
        return []
    where = os.path.relpath(folders[0], found.root)
    if not files:
        raise UserError(f"data set folder:{found.root}: no images in the class {where}")
    if all(path.parent not in folders for path in files):
        raise UserError(
            f"data set folder:{found.root}: {where} holds folders and no image itself; is it a "
            f"split? Splits are named {', '.join(SPLITS)}, and a folder in them is a class"
        )
    found.below.update({path.parent for path in files}.difference(folders))
    return [Labelled(str(path), path, label) for path in files]
