"""The user's own images in Parquet, in the Hugging Face hub's layout: ``parquet:PATH``.

PATH is one file, or a folder with train-*.parquet and test-*.parquet, and optionally
validation-*.parquet; they may also be in its folder `data`. The words of the module `folder` name
these splits too. The image column has structs of `bytes` (an image file) and `path`. A column of
whole numbers named `label`, `labels`, `fine_label`, `class` or `target` has the labels from 0.
Without test images a fixed random fifth becomes the test set. Without validation images a fixed
random tenth of the training images (at most 5,000) is held out. Both are drawn class by class.
``parquet(size=32):PATH`` crops and scales to 32x32 pixels.

Other Parquet files below PATH, and other columns that could be labels, are named and not read.
Files of one split whose names are no one series are named too: train_backup may be no part of it.
"""

import contextlib
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from studies.errors import UserError
from trainers.datasets import Source
from trainers.datasets._images import MAX_BYTES, Labelled, as_source
from trainers.datasets._layout import SPLITS, is_of_system, listed, split_of

PATTERN = r"parquet:"
EXAMPLES = ("parquet:PATH", "parquet(size=32):PATH")
PARAMETERS = {"size": (0, 1, 4096)}

_LABELS = ("label", "labels", "fine_label", "class", "target")
#: The number of rows that are unpacked at a time.
_ROWS = 256


def check(root: Path, *, size: int) -> None:
    """Check that the files are there, and that they have the same columns of images and labels.

    Raises:
        UserError: there are no such files, or the columns differ.
    """
    _checked(root)


def read(root: Path, *, size: int) -> Source:
    """Read all images of a Parquet file, or of a folder of such files.

    Raises:
        UserError: there are no such files, the columns differ, a label is missing or leaves a gap,
            or an image cannot be read.
    """
    left = MAX_BYTES
    splits: list[list[Labelled]] = []
    found = _checked(root)
    for paths in found:
        splits.append([])
        for path in paths:
            for image in images(path):
                left -= len(image.source) if isinstance(image.source, bytes) else 0
                if left < 0:
                    raise UserError(
                        f"{path}: the images take more than {MAX_BYTES >> 30} GiB; take fewer"
                    )
                splits[-1].append(image)
    for split, paths, rows in zip(SPLITS, found, splits, strict=True):
        if paths and not rows:  # one of our own would take its place
            raise UserError(f"{paths[0]}: no rows for {split}; give it some, or leave it out")
    train, validation, test = splits
    trained = {image.label for image in train}
    gap = next(label for label in itertools.count() if label not in trained)
    if gap != len(trained) or gap < 2:
        raise UserError(
            f"data set parquet:{root}: the training images' labels begin with "
            f"{sorted(trained)[:5]}; at least two classes are needed, numbered from 0 without gaps"
        )
    others = {image.label for image in (*validation, *test)} - trained
    if others:
        raise UserError(
            f"data set parquet:{root}: no training image has the label {min(others)}, which "
            "other images have"
        )
    notes = [
        *listed("not read", _others(root, found), root),
        *_several_series(root, found),
        *_other_labels(found[0][0]),
    ]
    return as_source(train, validation, test, [str(label) for label in range(gap)], size, notes)


def _checked(root: Path) -> list[list[Path]]:
    """The files of each split, whose columns of images and labels are the same.

    Raises:
        UserError: there are no such files, or the columns differ.
    """
    found = files(root)
    first = found[0][0]
    taken = columns(first)
    for path in itertools.chain(*found):
        if (its := columns(path)) != taken:
            raise UserError(
                f"{path}: its images and labels are the columns {' and '.join(its)}, those of "
                f"{first} {' and '.join(taken)}; give all files the same"
            )
    return found


def files(root: Path) -> list[list[Path]]:
    """Return the files of each split: train, validation and test.

    Raises:
        UserError: there are none, one of several is missing, or two are the same file.
    """
    if root.is_file():
        return [[root], [], []]
    for folder in (root, root / "data"):
        named = [path for path in sorted(folder.glob("*.parquet")) if not is_of_system(path.name)]
        files = [[path for path in named if split_of(path.name) == split] for split in SPLITS]
        if files[0]:
            seen = dict[str, Path]()
            for path in itertools.chain(*files):
                _check_shards(path)
                other = seen.setdefault(os.path.realpath(path), path)
                if other != path:
                    raise UserError(
                        f"{path}: is the same file as {other}, whose images would count twice; "
                        "leave one out"
                    )
            return files
    elsewhere = _others(root, []) if root.is_dir() else []
    named = [p for p in elsewhere if split_of(p.name) == SPLITS[0] and p.suffix == ".parquet"]
    hint = "".join(f"; there is {path}; give its folder" for path in named[:1]) or "".join(
        f"; there is {path}; give one file, or name such files train-0.parquet, test-0.parquet and "
        "so on, in one folder"
        for path in elsewhere[:1]
    )
    raise UserError(
        f"data set parquet:{root}: no such file, and no folder with train*.parquet in it{hint}"
    )


def _others(root: Path, found: list[list[Path]]) -> list[Path]:
    """The Parquet files below a folder that are not among those found."""
    known = set(itertools.chain(*found))
    others = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if not is_of_system(name)]
        paths = (Path(folder) / name for name in names if not is_of_system(name))
        others += [path for path in paths if path.suffix.lower() in (".parquet", ".parq", ".pq")]
    return sorted(path for path in others if path not in known)


def _several_series(root: Path, found: list[list[Path]]) -> Iterator[str]:
    """Yield a note for each split whose files' names are no one series.

    A series is one file, or files that differ in their numbers: train-0, train-1.
    """
    for split, paths in zip(SPLITS, found, strict=True):
        first = dict[tuple[str | None, ...], Path]()
        for path in paths:
            parts = re.fullmatch(
                r"(.*?)(?:([-_.]?)\d+([-_]of[-_]\d+)?(?:-[0-9a-f]{16})?)?", path.stem
            )
            first.setdefault(parts.groups() if parts else (path.stem,), path)
        if len(first) > 1:
            yield from listed(
                f"all read as {split}, though of several series", first.values(), root
            )


def columns(path: Path) -> tuple[str, str]:
    """Return the names of a file's column of images and of its column of labels.

    Raises:
        UserError: the file cannot be read, or has no such columns.
    """
    with _one_line_errors(path), pq.ParquetFile(path) as file:
        return _columns(path, file.schema_arrow)


def _other_labels(path: Path) -> list[str]:
    """A note on the columns that could be labels too; none if there are none."""
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
    _, taken = _columns(path, schema)
    others = [name for name in _integers(schema) if name in _LABELS and name != taken]
    return [f"the labels are the column {taken}, not {' or '.join(others)}"] if others else []


def _check_shards(path: Path) -> None:
    """Refuse ``train-00000-of-00002.parquet`` if one of the two is missing or is no file."""
    if not path.is_file():
        raise UserError(f"data set parquet:{path.parent}: {path} is not a file")
    match = re.fullmatch(r"(.*-)(\d+)(-of-)(\d+)(\.parquet)", path.name)
    if match is None:
        return
    head, number, of, count, end = match.groups()
    for shard in range(int(count)):
        name = f"{head}{shard:0{len(number)}}{of}{count}{end}"
        if not (path.parent / name).is_file():
            raise UserError(f"data set parquet:{path.parent}: {name} is missing")


def images(path: Path) -> Iterator[Labelled]:
    """Yield the images of a file, a few at a time: a file can repeat an image without growing.

    Raises:
        UserError: the file cannot be read, or its columns are not those of images with labels.
    """
    number = itertools.count()
    with _one_line_errors(path), pq.ParquetFile(path) as file:
        image, label = _columns(path, file.schema_arrow)
        for batch in file.iter_batches(_ROWS, columns=[image, label]):
            contents = batch.column(image).field("bytes")
            for content, value in zip(contents, batch.column(label).to_pylist(), strict=True):
                yield _labelled(f"{path} row {next(number)}", content.as_py(), value)


@contextlib.contextmanager
def _one_line_errors(path: Path) -> Iterator[None]:
    """Name a file that cannot be read.

    Raises:
        UserError: it cannot.
    """
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # also of columns' names
        raise UserError(f"{path}: cannot be read as Parquet ({error})") from None


def _labelled(where: str, content: bytes | None, label: int | None) -> Labelled:
    if content is None or label is None:
        missing = "image" if content is None else "label"
        raise UserError(f"{where}: has no {missing}; leave the row out")
    return Labelled(where, content, label)


def _columns(path: Path, schema: pa.Schema) -> tuple[str, str]:
    """The names of the column of images and the column of labels."""
    of_images = [f.name for f in schema if _is_image(f.type)]
    twice = [n for n in (*of_images, *_LABELS) if len(schema.get_all_field_indices(n)) > 1]
    if twice:
        raise UserError(f"{path}: several columns are named {twice[0]}; give each its own name")
    labels = [name for name in _LABELS if name in _integers(schema)]
    if len(of_images) != 1 or not labels:
        raise UserError(
            f"{path}: has the columns {_described(schema)}; needed are one of structs with bytes "
            f"and path (an image), and one of whole numbers named {' or '.join(_LABELS)}"
        )
    return of_images[0], labels[0]


def _integers(schema: pa.Schema) -> list[str]:
    return [f.name for f in schema if pa.types.is_integer(f.type)]


def _is_image(kind: pa.DataType) -> bool:
    if not pa.types.is_struct(kind):
        return False
    contents = [f.type for f in kind if f.name == "bytes"]
    return len(contents) == 1 and (
        pa.types.is_binary(contents[0]) or pa.types.is_large_binary(contents[0])
    )


def _described(schema: pa.Schema) -> str:
    first = [f"{field.name[:40]}: {str(field.type)[:40]}" for field in itertools.islice(schema, 12)]
    return ", ".join(first) + (", ..." if len(schema) > len(first) else "")
