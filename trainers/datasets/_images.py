"""Turns a user's own image files into arrays, within bounds.

One rule for folders and Parquet files alike: an image is read as a viewer shows it.

- It is turned as its orientation (EXIF) says; EXIF that cannot be read says nothing.
- Palettes are resolved, and what is transparent shows white.
- Of 16 bits per channel the upper 8 count.
- An animation, and a file of several pages, is refused: it is not one image. So is what has no one
  way to be shown: 32 bits per channel, floating point, LAB colours.

Colour profiles are not applied. If all images are grey they have one channel, else three.
"""

import contextlib
import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, UnidentifiedImageError

from studies.errors import UserError, shown
from trainers.datasets import MAX_VALIDATION, Source, stratified

#: The formats that are read, by the names of their decoders.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".webp", ".pbm", ".pgm", ".ppm", ".pnm",
)  # fmt: skip
#: How other image files end, which would be missed without a word.
OTHER_SUFFIXES = (
    ".avif", ".cr2", ".dcm", ".dng", ".eps", ".exr", ".hdr", ".heic", ".heif", ".ico", ".j2k",
    ".jp2", ".jxl", ".nef", ".npy", ".npz", ".pcx", ".pfm", ".psd", ".ras", ".sgi", ".svg", ".tga",
    ".xbm",
)  # fmt: skip

#: A few bytes can encode an image of any size. An image, or a data set, that would take more than
#: this is refused before it is decoded.
MAX_PIXELS = 2**24
MAX_BYTES = 8 * 2**30

_GREY = ("1", "L", "LA", "La")
#: Grey images of 16 bits, by their modes.
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N")
_COLOURED = ("P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr")
#: How a PNG of grey and alpha with 16 bits is packed; Pillow opens it as RGBA.
_GREY_ALPHA_16 = "LA;16B"
#: What Pillow multiplies the greys of a PNG of 2 and of 4 bits by, but not the grey of its tRNS.
_SCALES = {"L;2": 85, "L;4": 17}
#: How an image is turned upright, by its orientation.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: Orientations that exchange width and height.
_TURNED = (5, 6, 7, 8)


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
    names: Sequence[str],
    size: int,
    notes: Sequence[str] = (),
) -> Source:
    """Decode a user's own images.

    Args:
        train: training images.
        validation: validation images; if there are none, a tenth of ``train`` is held out.
        test: test images; if there are none, a fifth of ``train`` becomes the test set.
        names: of the classes, in the order of the labels.
        size: height and width in pixels that each image is cropped and scaled to; 0 for images
            that already have one size.
        notes: what the user should know about what was found.

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
        last = stratified(labels[rows], math.ceil(len(rows) / 5), 0)
        rows = np.setdiff1d(rows, last)
    first = np.concatenate([rows, np.arange(len(train), len(train) + len(validation))])
    return Source(
        train_images=images[first],
        train_labels=labels[first],
        test_images=images[last],
        test_labels=labels[last],
        classes=len(names),
        white=255,
        validation=np.arange(len(rows), len(first))
        if validation
        else stratified(labels[first], min(len(first) // 10, MAX_VALIDATION), 1),
        names=tuple(names),
        notes=tuple(notes),
    )


def _measure(every: Iterable[Labelled], size: int) -> tuple[int, tuple[int, int]]:
    """Channels, and height and width, from the images' headers alone."""
    grey, first = True, None
    for labelled in every:
        with _open(labelled) as image, _one_line(labelled):
            width, height = image.size
            if not 0 < width * height <= MAX_PIXELS:
                raise UserError(
                    f"{labelled.where}: {height}x{width} pixels; 1 to {MAX_PIXELS:,} in all are "
                    "allowed; make it smaller, or leave it out"
                )
            if obstacle := _obstacle(image):
                raise UserError(f"{labelled.where}: {obstacle}")
            grey = grey and _is_grey(image)
            if width != height and not size and _orientation(image) in _TURNED:
                width, height = height, width
        first = first or (labelled.where, (height, width))
        if not size and (height, width) != first[1]:
            raise UserError(
                f"{labelled.where}: {height}x{width} pixels, but {first[0]} has "
                f"{first[1][0]}x{first[1][1]}; make all one size, or have them cropped and scaled "
                "as in folder(size=32):PATH"
            )
    assert first is not None  # noqa: S101  (there are images)
    return (1 if grey else 3), ((size, size) if size else first[1])


def _is_grey(image: Image.Image) -> bool:
    """Whether an image that is only opened has no colours, whatever its bits and transparency."""
    return image.mode in (*_GREY, *_DEEP, "I") or _packing(image) == _GREY_ALPHA_16


def _packing(image: Image.Image) -> str:
    """How the pixels of a PNG that is only opened are packed; empty for other files."""
    tiles = getattr(image, "tile", ()) if image.format == "PNG" else ()
    return str(tiles[0].args) if tiles else ""


def _orientation(image: Image.Image) -> int:
    """The orientation of EXIF that is still to be applied: 1 to 8; Pillow itself turns TIFF."""
    if image.format == "TIFF":
        return 1
    try:
        orientation: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever Pillow raises for broken EXIF, which viewers ignore
        return 1
    return orientation


def _obstacle(image: Image.Image) -> str:
    """Why an image that is only opened cannot be shown, and what to do; empty if it can be."""
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # MPO: JPEG and its previews
        frames = getattr(image, "n_frames", 1)
        return f"holds {frames} images (an animation, or pages); save the one that is meant"
    deep = "save it with 8 bits per channel"
    if image.mode in _DEEP:
        bits = _tag(image, "BITSPERSAMPLE", (16,))
        if bits != (16,) or _tag(image, "PHOTOMETRIC_INTERPRETATION", 1) != 1:
            return f"{bits[0]} bits per channel in a form that is not read; {deep}"
        return ""
    if image.mode == "I" and image.format in ("PPM", "PNG"):  # 16 bits
        return ""
    if image.mode not in (*_GREY, *_COLOURED):
        return f"an image of the mode {image.mode}, which has no one way to be shown; {deep}"
    if "transparency" in image.info and ";16" in str(getattr(image, "tile", "")):
        return f"16 bits per channel and a transparent colour; {deep}"
    return ""


def _tag(image: Image.Image, name: str, default: Any) -> Any:
    """A tag of a TIFF file; the default of other files."""
    tags = getattr(image, "tag_v2", None) if image.format == "TIFF" else None
    return default if tags is None else tags.get(getattr(TiffImagePlugin, name), default)


def _decode(labelled: Labelled, channels: int, size: int) -> npt.NDArray[np.uint8]:
    """The image as uint8 [channels, height, width]."""
    with _open(labelled) as image, _one_line(labelled):
        plain = _as_shown(image).convert("L" if channels == 1 else "RGB")
    if size:
        plain = ImageOps.fit(plain, (size, size), Image.Resampling.BILINEAR)
    array = np.asarray(plain)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _as_shown(image: Image.Image) -> Image.Image:
    """The image as a viewer shows it: upright, of 8 bits, on white."""
    packing = _packing(image)
    image.load()
    clear = image.info.get("transparency")
    if isinstance(clear, int) and packing in _SCALES:
        scale = _SCALES[packing]
        # Bits above the image's depth do not count (PNG specification, tRNS).
        clear = image.info["transparency"] = clear % (255 // scale + 1) * scale
    turn = _UPRIGHT.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    if image.mode in _DEEP or image.mode == "I":
        levels = np.asarray(image)
        plain = (levels >> 8).astype(np.uint8)
        if isinstance(clear, int):
            plain[levels == clear] = 255
        return Image.fromarray(plain)
    if clear is not None or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        if image.mode in ("La", "PA"):  # which Pillow does not turn into RGBA at once
            image = image.convert("LA" if image.mode == "La" else "RGBA")
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image


@contextlib.contextmanager
def _one_line(labelled: Labelled) -> Iterator[None]:
    """Turn whatever Pillow's decoders raise for a damaged file into a line that names it.

    Raises:
        UserError: the image cannot be read.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            reason = shown(str(error))[1:-1]
            raise UserError(f"{labelled.where}: cannot be read as an image ({reason})") from None


def _open(labelled: Labelled) -> Image.Image:
    source = labelled.source if isinstance(labelled.source, Path) else io.BytesIO(labelled.source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large images: our bound is lower
            image = Image.open(source, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise UserError(f"{labelled.where}: {error}; leave it out") from None
    except Exception as error:  # as in `_decode`
        reason = "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UserError(
            f"{labelled.where}: cannot be read ({reason}); known are {', '.join(FORMATS)}"
        ) from None
    # A file that has a name and is not compressed is mapped into memory, with the height and width
    # of TIFF images that lie on their side exchanged: the rows come out sheared.
    image.filename = ""
    return image
