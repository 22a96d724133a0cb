"""Data sets: one file each, with a function `read`, and perhaps a function `check`.

    read(root, **parameters) -> Source
    check(root, **parameters) -> None

`root` is the folder to look in and to download to. `check` raises `UserError` where `read` would
find nothing to read. It is quick and imports neither torch nor torchvision, since it is called
before anything starts. This package splits, fingerprints and normalises all data sets in one way.
The statistics are those of all training images, validation included, as in the official
implementation.
"""

import contextlib
import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from studies import sources
from studies.errors import UserError, printable
from trainers import randomness, registry

#: The largest number of images that are held out for validation.
MAX_VALIDATION = 5_000


@dataclass(frozen=True)
class Place:
    """Where a data set is read from.

    Attributes:
        component: the name of the component that reads it: ``mnist``, or a source such as
            ``folder:PATH``.
        root: the folder or file that it reads.
        as_parquet: whether a published data set is read from Parquet files.
    """

    component: str
    root: Path
    as_parquet: bool = False

    @classmethod
    def of(cls, source: str, name: str = "") -> "Place":
        """Return the place of a source such as ``folder:PATH``.

        Args:
            source: the source.
            name: of the data set; a published one is the same data set wherever its images are.

        Raises:
            UserError: it is no such source.
        """
        split = sources.split(source)
        if split is None:
            raise UserError(f"data {source!r}: give folder:PATH or parquet:PATH")
        root = sources.expanded(split[1])
        if registry.may_be_parquet(name) and split[0] == "parquet":
            return cls(name, root, as_parquet=True)
        return cls(source, root)


@dataclass(frozen=True)
class Source:
    """A data set as it is published.

    Attributes:
        train_images: uint8 [N, channels, height, width].
        train_labels: int64 [N], 0 to classes - 1.
        test_images: uint8 [M, channels, height, width].
        test_labels: int64 [M].
        classes: the number of classes.
        white: the largest value that a pixel can have.
        validation: indices of the training images that are held out, int64 [V].
        names: of the classes; their numbers if there are none.
        notes: what the user should know about what was found, a line each.
    """

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]
    classes: int
    white: int
    validation: npt.NDArray[np.int64]
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set in memory, ready for training, with its images as bytes.

    Attributes:
        name: the logical name.
        fingerprint: first 16 hex digits of the SHA-256 of its arrays.
        images: uint8 [N, channels, height, width] for train, validation, test.
        labels: int64 [N] for train, validation, test.
        classes: the number of classes.
        white: the largest value that a pixel can have.
        mean: float32 [channels, height, width], of pixel / white over all training images,
            validation included, as in the official implementation.
        std: one number, of the training images after the mean is subtracted (0.2593 on MNIST).
        notes: what the user should know about it, a line each: what was found and not read, and
            classes without an image in one of the splits.
    """

    name: str
    fingerprint: str
    images: dict[str, npt.NDArray[np.uint8]]
    labels: dict[str, npt.NDArray[np.int64]]
    classes: int
    white: int
    mean: npt.NDArray[np.float32]
    std: float
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.images["train"].shape[1:]
        return channels, height, width

    def __str__(self) -> str:
        """Return ``pets: 64 training, 7 validation and 18 test images of 32x32x3, 2 classes``.

        Each note follows in a line of its own.
        """
        sizes = [len(self.labels[split]) for split in ("train", "validation", "test")]
        channels, height, width = self.shape
        line = (
            f"{sizes[0]} training, {sizes[1]} validation and {sizes[2]} test images "
            f"of {height}x{width}x{channels}, {self.classes} classes"
        )
        return "\n".join(f"{self.name}: {line}" for line in (line, *self.notes))

    @cached_property
    def varying(self) -> npt.NDArray[np.bool_]:
        """Whether each pixel differs between any two training images, [channels, height, width]."""
        images = self.images["train"]
        varying: npt.NDArray[np.bool_] = (images != images[:1]).any(axis=0)
        return varying

    @property
    def nbytes(self) -> int:
        """The bytes that the images take in memory."""
        return sum(images.nbytes for images in self.images.values())


def check(name: str, place: Place) -> None:
    """Check, without reading it, that a data set is there or can be downloaded.

    Args:
        name: its logical name.
        place: where it is.

    Raises:
        UserError: neither is the case.
    """
    module, found = registry.load("dataset", place.component)
    with _one_line_errors(name, place):
        if place.as_parquet:
            from trainers.datasets import _copies

            _copies.check(name, module, place.root)
        elif hasattr(module, "check"):
            module.check(place.root, **found.parameters)


def load(name: str, place: Place) -> Dataset:
    """Read a data set.

    Args:
        name: its logical name, such as ``mnist`` or a name that the user chose.
        place: where it is. Published data sets that are missing there are downloaded.

    Raises:
        UserError: the data set is missing or damaged, or too small to be split.
    """
    module, named = registry.load("dataset", place.component)
    with _one_line_errors(name, place):
        source: Source
        if place.as_parquet:
            from trainers.datasets import _copies

            source = _copies.read(name, module, place.root)
        else:
            source = module.read(place.root, **named.parameters)
    train = np.setdiff1d(np.arange(len(source.train_images)), source.validation)
    if not len(train) or not len(source.validation) or not len(source.test_images):
        raise UserError(
            f"data set {name}: {len(source.train_images)} training and {len(source.test_images)} "
            "test images are too few to train, validate and test with"
        )
    splits = {"train": train, "validation": source.validation}
    images = {split: source.train_images[rows] for split, rows in splits.items()}
    labels = {split: source.train_labels[rows] for split, rows in splits.items()}
    first = source.train_images[:1]
    if all((image == first).all() for image in source.train_images):  # up to the first other one
        raise UserError(
            f"data set {name}: all training images are alike; there is nothing to learn"
        )
    mean, std = _statistics(source)
    labels["test"] = source.test_labels
    return Dataset(
        name=name,
        fingerprint=_fingerprint(source, split=sources.split(place.component) is not None),
        images=images | {"test": source.test_images},
        labels=labels,
        classes=source.classes,
        white=source.white,
        mean=mean.astype(np.float32),
        std=std,
        notes=tuple(map(printable, (*source.notes, *_absent_classes(source, labels)))),
    )


def _absent_classes(source: Source, labels: Mapping[str, npt.NDArray[np.int64]]) -> Iterator[str]:
    """Yield a line for each split in which a class has no image."""
    for split, present in labels.items():
        absent = np.setdiff1d(np.arange(source.classes), present)
        if len(absent):
            names = [source.names[label] if source.names else str(label) for label in absent[:5]]
            more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
            classes = "class" if len(absent) == 1 else "classes"
            yield f"no {split} image of the {classes} {', '.join(names)}{more}"


@contextlib.contextmanager
def _one_line_errors(name: str, place: Place) -> Iterator[None]:
    """Turn errors of the filesystem into user errors of one line.

    Raises:
        UserError: a file or folder cannot be read.
    """
    try:
        yield
    except OSError as error:
        where, reason = error.filename or place.root, error.strerror or str(error)
        raise UserError(f"data set {name}: {where} cannot be read ({reason})") from None


def reads_files(name: str) -> bool:
    """Return whether a data set is read from the folder of the data sets; digits, say, is not."""
    return hasattr(registry.load("dataset", name)[0], "check")


def default_root() -> Path | None:
    """Return where data sets are looked for: UNTUNED_DATA, else a folder in the user's cache.

    It is None for a user who has no home.

    Raises:
        UserError: UNTUNED_DATA does not name a folder.
    """
    given = os.environ.get("UNTUNED_DATA")
    if given:
        return existing(sources.expanded(given))
    cache = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(cache or Path.home() / ".cache") / "untuned" / "data"
    except RuntimeError:
        return None


def existing(root: Path) -> Path:
    """Return a folder that the user has named, if it exists.

    Raises:
        UserError: there is no such folder, or it lies in one that this user may not look into.
    """
    try:
        is_there = root.is_dir()
    except OSError as error:
        raise UserError(
            f"data folder {root}: cannot be read ({error.strerror}); give one that can"
        ) from None
    if not is_there:
        raise UserError(
            f"data folder {root}: no such folder; give the one that holds the data sets"
        )
    return root


def held_out(n: int) -> npt.NDArray[np.int64]:
    """Return a validation split for a set that has none: a tenth of ``n`` images, at most 5,000.

    It depends on n alone, not on a trial's seed.

    Returns:
        Indices of images in ascending order, int64.
    """
    return np.sort(randomness.permutation(0, "split", 1, n)[: min(n // 10, MAX_VALIDATION)])


def tested(n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return training and test images for a set without a test set: 4/5 and 1/5 of ``n``.

    Returns:
        Indices of images in ascending order, int64.
    """
    order, count = randomness.permutation(0, "split", 0, n), math.ceil(n / 5)
    return np.sort(order[count:]), np.sort(order[:count])


def stratified(labels: npt.NDArray[np.int64], count: int, draw: int) -> npt.NDArray[np.int64]:
    """Return about ``count`` of some images, of each class in proportion, in ascending order.

    Of each class at least one image is taken and at least one is left; of a class with one image
    none is taken. The images depend on the labels alone, not on a trial's seed.

    Args:
        labels: of the images, int64 [N].
        count: the number of images to take.
        draw: 0 for a test set, 1 for a validation set.
    """
    sizes = np.bincount(labels)
    shares = count * sizes / max(len(labels), 1)
    taken = np.floor(shares).astype(np.int64)
    largest = np.argsort(taken - shares, kind="stable")[: count - taken.sum()]
    taken[largest] += 1
    taken = np.minimum(np.maximum(taken, 1), np.maximum(sizes - 1, 0))
    order = randomness.permutation(0, "split", draw, len(labels))
    of_class = labels[order]
    rows = [order[of_class == label][:n] for label, n in enumerate(taken)]
    return np.sort(np.concatenate([order[:0], *rows]))


def _statistics(source: Source) -> tuple[npt.NDArray[np.float64], float]:
    """The mean of each pixel and the std of the centred images, of pixel / white, in float64.

    They come from sums of whole numbers, so they do not depend on the order of additions. The
    centred images have the variance mean(x^2) - mean(mean_pixel^2).
    """
    images = source.train_images
    sums = images.sum(axis=0, dtype=np.int64)
    squares = sum(
        int(np.square(chunk, dtype=np.int64).sum()) for chunk in np.array_split(images, 64)
    )
    mean = sums / (len(images) * source.white)
    variance = squares / (images.size * source.white**2) - float(np.square(mean).mean())
    return mean, float(np.sqrt(variance))


def _fingerprint(source: Source, *, split: bool) -> str:
    """The digest of images and labels; with ``split`` also of the validation indices."""
    digest = hashlib.sha256()
    arrays: list[npt.NDArray[Any]] = [
        source.train_images,
        source.train_labels,
        source.test_images,
        source.test_labels,
    ]
    for array in [*arrays, source.validation] if split else arrays:
        digest.update(f"{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]
