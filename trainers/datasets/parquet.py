"""One's own images in Parquet, in the Hugging Face hub's layout: ``parquet:PATH``.

PATH is a folder with train-*.parquet and test-*.parquet, and validation-*.parquet if you like (also
in a folder `data` in it), or one file. An image column holds structs of `bytes` (an image file) and
`path`, and a column of whole numbers holds the labels, from 0. Without test images a fixed random
fifth becomes the test set; without validation images a fixed random tenth of the training images
(at most 5,000) is held out. ``parquet(size=32):PATH`` crops and scales to 32x32 pixels.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from studies.errors import UserError
from trainers.datasets import Source
from trainers.datasets._images import MOST_BYTES, Labelled, as_source

PATTERN = r"parquet:"
EXAMPLES = ("parquet:PATH", "parquet(size=32):PATH")
PARAMETERS = {"size": (0, 1, 4096)}

_SPLITS = ("train", "validation", "test")
_LABELS = ("label", "labels", "fine_label", "class", "target")


def read(root: Path, *, size: int) -> Source:
    """Read all images of a Parquet file, or of a folder of such files.

    Raises:
        UserError: there are none, the columns are others, a label is missing or not in order, or
            an image cannot be read.
    """
    train, validation, test = (
        [image for path in paths for image in _images(path)] for paths in _files(root)
    )
    labels = {image.label for image in (*train, *validation, *test)}
    classes = max(labels, default=-1) + 1
    if classes < 2 or min(labels) < 0:
        raise UserError(
            f"data set parquet:{root}: the labels are {sorted(labels)[:5]}; at least two classes "
            "are needed, numbered from 0"
        )
    absent = sorted(set(range(classes)) - {image.label for image in train})
    if absent:
        raise UserError(
            f"data set parquet:{root}: no training image has the label {absent[0]} of 0 to "
            f"{classes - 1}; number the classes without gaps"
        )
    return as_source(train, validation, test, classes, size)


def _files(root: Path) -> list[list[Path]]:
    """The files of each split."""
    if root.is_file():
        return [[root], [], []]
    for folder in (root, root / "data"):
        files = [sorted(folder.glob(f"{split}*.parquet")) for split in _SPLITS]
        if files[0]:
            return files
    raise UserError(
        f"data set parquet:{root}: no such file, and no folder with train*.parquet in it"
    )


def _images(path: Path) -> list[Labelled]:
    try:
        with pq.ParquetFile(path) as file:
            groups = (file.metadata.row_group(i) for i in range(file.num_row_groups))
            if sum(group.total_byte_size for group in groups) > MOST_BYTES:
                raise UserError(f"{path}: more than {MOST_BYTES >> 30} GiB unpacked; split it")
            image, label = _columns(path, file.schema_arrow)
            table = file.read([image, label])
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read as Parquet ({error})") from None
    contents = table[image].combine_chunks().field("bytes") if len(table) else []
    names = [f"{path} row {number}" for number in range(len(table))]
    rows = zip(names, contents, table[label].to_pylist(), strict=True)
    return [_labelled(where, content.as_py(), number) for where, content, number in rows]


def _labelled(where: str, content: bytes | None, label: int | None) -> Labelled:
    if content is None or label is None:
        missing = "image" if content is None else "label"
        raise UserError(f"{where}: has no {missing}; leave the row out")
    return Labelled(where, content, label)


def _columns(path: Path, schema: pa.Schema) -> tuple[str, str]:
    """The names of the column of images and the column of labels."""
    images = [f.name for f in schema if _is_image(f.type)]
    numbers = [f.name for f in schema if pa.types.is_integer(f.type)]
    labels = [name for name in _LABELS if name in numbers] or numbers
    if len(images) != 1 or not labels or (len(labels) > 1 and labels[0] not in _LABELS):
        raise UserError(
            f"{path}: has the columns {_described(schema)}; needed are one of structs with bytes "
            "and path (an image), and one of whole numbers named label"
        )
    return images[0], labels[0]


def _is_image(kind: pa.DataType) -> bool:
    return pa.types.is_struct(kind) and any(
        f.name == "bytes" and (pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type))
        for f in kind
    )


def _described(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name}: {str(field.type)[:40]}" for field in schema)
