"""Turns a user's own image files into arrays, within bounds."""

import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from studies.errors import UserError
from trainers.datasets import Source, held_out, tested

#: The formats that are read, by the names of their decoders.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")

#: A few bytes can encode an image of any size. An image, or a data set, that would take more than
#: this is refused before it is decoded.
MAX_PIXELS = 2**24
MAX_BYTES = 8 * 2**30

_GREY = ("1", "L", "LA")
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True)
class Labelled:
    """An image that is not decoded yet.

    Attributes:
        where: its path, for errors.
        source: its file, or its bytes.
        label: its class, from 0.
    """

    where: str
    source: Path | bytes
    label: int


def as_source(
    train: Sequence[Labelled],
    validation: Sequence[Labelled],
    test: Sequence[Labelled],
    classes: int,
    size: int,
) -> Source:
    """Decode a user's own images.

    If all images are grey they have one channel, else all become colour images of three.

    Args:
        train: training images.
        validation: validation images; if there are none, a tenth of ``train`` is held out.
        test: test images; if there are none, a fifth of ``train`` becomes the test set.
        classes: the number of classes.
        size: height and width in pixels that each image is cropped and scaled to; 0 for images
            that already have one size.

    Raises:
        UserError: an image cannot be read, is too large, or differs from the others in size.
    """
    every = [*train, *validation, *test]
    channels, shape = _measure(every, size)
    need = len(every) * channels * shape[0] * shape[1]
    if need > MAX_BYTES:
        raise UserError(
            f"{every[0].where}: {len(every)} images of {shape[0]}x{shape[1]} pixels would take "
            f"{need / 2**30:.1f} GiB, at most {MAX_BYTES >> 30} are allowed; take fewer, or scale "
            "them down as in folder(size=32):PATH"
        )
    images = np.empty((len(every), channels, *shape), np.uint8)
    for row, image in zip(images, every, strict=True):
        row[:] = _decode(image, channels, size)
    labels = np.array([image.label for image in every], np.int64)
    rows, last = np.arange(len(train)), np.arange(len(train) + len(validation), len(every))
    if not test:
        rows, last = tested(len(train))
    first = np.concatenate([rows, np.arange(len(train), len(train) + len(validation))])
    return Source(
        train_images=images[first],
        train_labels=labels[first],
        test_images=images[last],
        test_labels=labels[last],
        classes=classes,
        white=255,
        validation=np.arange(len(rows), len(first)) if validation else held_out(len(first)),
    )


def _measure(every: Iterable[Labelled], size: int) -> tuple[int, tuple[int, int]]:
    """Channels, and height and width, from the images' headers alone."""
    grey, first = True, None
    for labelled in every:
        with _open(labelled) as image:
            width, height = image.size
            if not 0 < width * height <= MAX_PIXELS:
                raise UserError(
                    f"{labelled.where}: {height}x{width} pixels; 1 to {MAX_PIXELS:,} in all are "
                    "allowed; make it smaller, or leave it out"
                )
            if image.mode in _DEEP:
                raise UserError(
                    f"{labelled.where}: more than 8 bits per channel ({image.mode}); save it with 8"
                )
            grey = grey and image.mode in _GREY
        first = first or (labelled.where, (height, width))
        if not size and (height, width) != first[1]:
            raise UserError(
                f"{labelled.where}: {height}x{width} pixels, but {first[0]} has "
                f"{first[1][0]}x{first[1][1]}; make all one size, or have them cropped and scaled "
                "as in folder(size=32):PATH"
            )
    assert first is not None  # noqa: S101  (there are images)
    return (1 if grey else 3), ((size, size) if size else first[1])


def _decode(labelled: Labelled, channels: int, size: int) -> npt.NDArray[np.uint8]:
    """The image as uint8 [channels, height, width]."""
    with _open(labelled) as image, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = image.convert("L" if channels == 1 else "RGB")
        except Exception as error:  # Pillow's decoders raise anything for a damaged file
            raise UserError(f"{labelled.where}: cannot be read as an image ({error})") from None
    if size:
        plain = ImageOps.fit(plain, (size, size), Image.Resampling.BILINEAR)
    array = np.asarray(plain)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _open(labelled: Labelled) -> Image.Image:
    source = labelled.source if isinstance(labelled.source, Path) else io.BytesIO(labelled.source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large images: our bound is lower
            return Image.open(source, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise UserError(f"{labelled.where}: {error}; leave it out") from None
    except Exception as error:  # as in `_decode`
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UserError(
            f"{labelled.where}: cannot be read ({reason}); known are {', '.join(FORMATS)}"
        ) from None
