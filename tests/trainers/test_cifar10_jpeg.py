"""CIFAR-10 stored as JPEG: another data set than the original, under a name of its own."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from studies.errors import UserError
from trainers import datasets


def encoded(value, size, kind):
    buffer = io.BytesIO()
    Image.fromarray(np.full((size, size, 3), value, np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def write(folder, *, kind="JPEG", size=32, classes=10):
    """Write 20 training and 10 test images, each of one grey value."""
    folder.mkdir(parents=True, exist_ok=True)
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    for split, count in (("train", 20), ("test", 10)):
        rows = [{"bytes": encoded(10 * n, size, kind), "path": None} for n in range(count)]
        labels = pa.array([n % classes for n in range(count)], pa.int64())
        table = pa.table({"img": pa.array(rows, struct), "label": labels})
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")


def load(root):
    return datasets.load("cifar10-jpeg", datasets.Place("cifar10-jpeg", root))


@pytest.mark.parametrize("below", ["", "cifar10-jpeg", "data", "cifar10-jpeg/data"])
def test_it_is_read_from_its_folder_or_from_that_of_all_data_sets(tmp_path, below):
    write(tmp_path / below)
    data = load(tmp_path)
    assert (data.name, data.shape, data.classes) == ("cifar10-jpeg", (3, 32, 32), 10)
    assert {split: len(labels) for split, labels in data.labels.items()} == {
        "train": 18,
        "validation": 2,
        "test": 10,
    }
    assert data.images["test"][:, 0, 0, 0].tolist() == [10 * n for n in range(10)]
    held = np.sort(datasets.held_out(20))  # the positions of `cifar10`, not class by class
    assert data.images["validation"][:, 0, 0, 0].tolist() == (10 * held).tolist()


def test_it_is_not_downloaded(tmp_path):
    with pytest.raises(UserError) as error:
        load(tmp_path)
    assert f"no train*.parquet in {tmp_path}; it cannot be downloaded" in str(error.value)
    assert "--data cifar10-jpeg=DIR" in str(error.value)
    with pytest.raises(UserError, match=r"no train\*\.parquet"):
        datasets.check("cifar10-jpeg", datasets.Place("cifar10-jpeg", tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "PNG"}, r"are no JPEG files; give the original images the name cifar10"),
        ({"size": 16}, r"has images of 16x16x3 in 10 classes, not of 32x32x3 in 10"),
        ({"classes": 5}, r"has images of 32x32x3 in 5 classes"),
    ],
)
def test_other_images_are_refused_under_its_name(tmp_path, change, message):
    write(tmp_path, **change)
    with pytest.raises(UserError, match=message):
        load(tmp_path)
