"""Data sets of one's own: real image files in folders and in Parquet."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from studies.errors import UserError
from trainers import datasets
from trainers.datasets import _images, parquet


def picture(value, shape=(4, 6, 3)):
    """An image of one colour, its value in the first channel."""
    array = np.full(shape, 7, np.uint8)
    array[..., 0] = value
    return Image.fromarray(array[..., 0] if shape[2] == 1 else array)


def encoded(value, shape=(4, 6, 3), kind="PNG"):
    buffer = io.BytesIO()
    picture(value, shape).save(buffer, kind)
    return buffer.getvalue()


def fill(folder, count, shape=(4, 6, 3), start=0):
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(encoded(start + number, shape))


def write_parquet(path, values, labels, image="img", label="label"):
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": encoded(v), "path": None} for v in values], kind)
    pq.write_table(pa.table({image: images, label: pa.array(labels, pa.int64())}), path)


def load(source):
    return datasets.load("pets", datasets.Place.of(str(source)))


def firsts(data, split):
    """The first channel's value of each image, with its label."""
    pairs = zip(data.images[split][:, 0, 0, 0], data.labels[split], strict=True)
    return [(int(value), int(label)) for value, label in pairs]


def test_a_folder_with_train_and_test(tmp_path):
    fill(tmp_path / "train" / "cat", 20)
    fill(tmp_path / "train" / "dog", 10, start=100)
    fill(tmp_path / "test" / "cat", 1, start=200)
    fill(tmp_path / "test" / "dog", 2, start=210)
    (tmp_path / "train" / "cat" / ".hidden.png").write_text("no image")
    (tmp_path / "train" / "cat" / "notes.txt").write_text("no image")
    fill(tmp_path / "train" / "cat" / ".ipynb_checkpoints", 3, start=240)
    (tmp_path / "train" / "dog" / "more").mkdir()
    (tmp_path / "train" / "dog" / "009.png").rename(tmp_path / "train" / "dog" / "more" / "009.png")
    data = load(f"folder:{tmp_path}")
    assert (data.shape, data.classes, data.white) == ((3, 4, 6), 2, 255)
    assert firsts(data, "test") == [(200, 0), (210, 1), (211, 1)]
    training = firsts(data, "train") + firsts(data, "validation")
    expected = [(n, 0) for n in range(20)] + [(100 + n, 1) for n in range(10)]
    assert sorted(training) == expected
    assert len(firsts(data, "validation")) == 3  # a tenth
    assert data.fingerprint == load(f"folder:{tmp_path}").fingerprint


def test_a_folder_with_a_validation_set(tmp_path):
    for split, start in (("train", 0), ("validation", 50), ("test", 100)):
        fill(tmp_path / split / "a", 3, start=start)
        fill(tmp_path / split / "b", 3, start=start + 10)
    data = load(f"folder:{tmp_path}")
    for split, start in (("train", 0), ("validation", 50), ("test", 100)):
        found = [(start + n, 0) for n in range(3)] + [(start + 10 + n, 1) for n in range(3)]
        assert firsts(data, split) == found


def test_a_folder_of_classes_alone_gives_a_fifth_to_the_test(tmp_path):
    fill(tmp_path / "a", 50)
    fill(tmp_path / "b", 50, start=100)
    data = load(f"folder:{tmp_path}")
    sizes = {split: len(images) for split, images in data.images.items()}
    assert sizes == {"train": 72, "validation": 8, "test": 20}
    every = [pair for split in sizes for pair in firsts(data, split)]
    assert sorted(every) == [(n, 0) for n in range(50)] + [(100 + n, 1) for n in range(50)]


def test_grey_images_have_one_channel_unless_one_is_coloured(tmp_path):
    fill(tmp_path / "a", 10, shape=(4, 6, 1))
    fill(tmp_path / "b", 10, shape=(4, 6, 1), start=100)
    assert load(f"folder:{tmp_path}").shape == (1, 4, 6)
    (tmp_path / "a" / "coloured.png").write_bytes(encoded(3))
    assert load(f"folder:{tmp_path}").shape == (3, 4, 6)


def test_images_are_cropped_and_scaled_if_asked_for(tmp_path):
    fill(tmp_path / "a", 10)
    fill(tmp_path / "b", 10, shape=(9, 5, 3), start=100)
    data = load(f"folder(size=8):{tmp_path}")
    assert data.shape == (3, 8, 8)
    assert {value for split in data.images for value, _ in firsts(data, split)} == {
        *range(10),
        *range(100, 110),
    }
    with pytest.raises(UserError, match=r"000.png: 9x5 pixels, but .*000.png has 4x6; make all"):
        load(f"folder:{tmp_path}")


def test_parquet_in_the_hubs_layout(tmp_path):
    for number in (0, 1):
        path = tmp_path / "data" / f"train-0000{number}-of-00002.parquet"
        write_parquet(path, range(10 * number, 10 * number + 10), [0, 1] * 5)
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", [200, 201], [1, 0])
    data = load(f"parquet:{tmp_path}")
    assert (data.shape, data.classes) == ((3, 4, 6), 2)
    assert firsts(data, "test") == [(200, 1), (201, 0)]
    training = firsts(data, "train") + firsts(data, "validation")
    assert sorted(training) == [(n, n % 2) for n in range(20)]


def test_a_missing_shard_is_named(tmp_path):
    write_parquet(tmp_path / "train-00000-of-00002.parquet", range(20), [0, 1] * 10)
    with pytest.raises(UserError, match=r"train-00001-of-00002.parquet is missing"):
        load(f"parquet:{tmp_path}")


def test_parquet_as_one_file_with_other_names(tmp_path):
    path = tmp_path / "all.parquet"
    write_parquet(path, range(20), [0, 1] * 10, image="image", label="fine_label")
    sizes = {split: len(images) for split, images in load(f"parquet:{path}").images.items()}
    assert sizes == {"train": 15, "validation": 1, "test": 4}


def bomb(path):
    """A file of a few hundred bytes that says it holds 400 million pixels."""
    path.write_bytes(encoded(0))
    content = bytearray(path.read_bytes())
    content[16:24] = (20_000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)


def spoil(what, root):
    path = root / "a" / "000.png"
    if what == "truncated":
        path.write_bytes(path.read_bytes()[:50])
    elif what == "text":
        path.write_text("hello")
    elif what == "bomb":
        bomb(path)
    elif what == "deep":
        Image.fromarray(np.zeros((4, 6), np.uint16)).save(path)
    elif what == "one class":
        (root / "b").rename(root / ".b")
    elif what == "empty class":
        (root / "c").mkdir()
    elif what == "nested":
        for name in ("a", "b"):
            (root / name).rename(root / f"{name}x")
            (root / name).mkdir()
            (root / f"{name}x").rename(root / name / "inner")
    elif what == "odd split":
        (root / "train").mkdir()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("truncated", r"a/000.png: cannot be read"),
        ("text", r"a/000.png: cannot be read \(not an image\); known are PNG, JPEG"),
        ("bomb", r"a/000.png: .*400,?000,?000|a/000.png: 20000x20000 pixels; at most 16,777,216"),
        ("deep", r"a/000.png: more than 8 bits per channel"),
        ("one class", r"1 classes; put the images into a folder per class"),
        ("empty class", r"no images in the class c"),
        ("nested", r"a holds folders and no image itself; is it a split\?"),
        ("odd split", r"beside train there is a, b; known are train, validation, test"),
    ],
)
def test_folders_that_are_refused(what, message, tmp_path):
    fill(tmp_path / "a", 10)
    fill(tmp_path / "b", 10)
    spoil(what, tmp_path)
    with pytest.raises(UserError, match=message) as error:
        load(f"folder:{tmp_path}")
    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"folder:.*nowhere: no such folder"):
        load(f"folder:{tmp_path}/nowhere")


def test_images_that_would_not_fit_into_memory(tmp_path, monkeypatch):
    fill(tmp_path / "a", 10)
    fill(tmp_path / "b", 10)
    monkeypatch.setattr(_images, "MAX_BYTES", 20 * 4 * 6 * 3 - 1)
    with pytest.raises(UserError, match="20 images of 4x6 pixels would take"):
        load(f"folder:{tmp_path}")


def test_too_few_images_are_refused(tmp_path):
    fill(tmp_path / "a", 2)
    fill(tmp_path / "b", 2)
    with pytest.raises(UserError, match=r"data set pets: .* are too few to train, validate and"):
        load(f"folder:{tmp_path}")


def test_images_that_are_all_alike_are_refused(tmp_path):
    for value in (5, 9, 200):  # whose variance is not zero in floating point
        for name in ("a", "b"):
            for number in range(10):
                (tmp_path / name).mkdir(exist_ok=True)
                (tmp_path / name / f"{number}.png").write_bytes(encoded(value))
        with pytest.raises(UserError, match="all training images are alike"):
            load(f"folder:{tmp_path}")


def test_a_path_that_is_too_long_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match=r"data set pets: .* cannot be read"):
        load(f"folder:{tmp_path}/{'x' * 300}")


IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
PLAIN = {"img": pa.array([{"bytes": b"x", "path": None}] * 2, IMAGE), "label": pa.array([0, 1])}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"img": pa.array(["a", "b"])}, r"has the columns img: string, label: int64; needed are"),
        ({"label": pa.array(["a", "b"])}, r"needed are one of structs with bytes and path"),
        ({"label": pa.array([0, None])}, r"train.parquet row 1: has no label"),
        ({"img": pa.array([None, {"bytes": b"x"}], IMAGE)}, r"row 0: has no image"),
        ({"label": pa.array([1, 2])}, r"labels begin with \[1, 2\]; .*numbered from 0"),
        ({"label": pa.array([0, 10**15])}, r"labels begin with \[0, 1000000000000000\]"),
        ({"label": pa.array([-1, 0])}, r"numbered from 0"),
        ({"label": pa.array([0, 0])}, r"at least two classes are needed"),
        ({}, r"train.parquet row 0: cannot be read \(not an image\)"),
    ],
)
def test_parquet_that_is_refused(change, message, tmp_path):
    pq.write_table(pa.table(PLAIN | change), tmp_path / "train.parquet")
    with pytest.raises(UserError, match=message):
        load(f"parquet:{tmp_path}")


def test_numbers_that_are_no_labels_are_not_taken_for_them(tmp_path):
    table = {"img": PLAIN["img"], "id": PLAIN["label"]}
    pq.write_table(pa.table(table), tmp_path / "train.parquet")
    with pytest.raises(UserError, match="whole numbers named label or labels"):
        load(f"parquet:{tmp_path}")


def test_repeated_images_are_counted_although_they_take_no_room(tmp_path, monkeypatch):
    content = encoded(1)
    images = pa.array([{"bytes": content, "path": None}] * 1000, IMAGE)
    labels = pa.array([0, 1] * 500)
    pq.write_table(pa.table({"img": images, "label": labels}), tmp_path / "train.parquet")
    assert (tmp_path / "train.parquet").stat().st_size < 100 * len(content)
    monkeypatch.setattr(parquet, "MAX_BYTES", 999 * len(content))
    with pytest.raises(UserError, match="the images take more than"):
        load(f"parquet:{tmp_path}")


def test_the_split_is_part_of_the_fingerprint(tmp_path):
    found = set()
    for number, train in enumerate((12, 16)):
        root = tmp_path / str(number)
        write_parquet(root / "train.parquet", range(train), [0, 1] * (train // 2))
        write_parquet(root / "validation.parquet", range(train, 20), [0, 1] * ((20 - train) // 2))
        write_parquet(root / "test.parquet", [100, 101], [0, 1])
        found.add(load(f"parquet:{root}").fingerprint)
    assert len(found) == 2


def test_parquet_that_is_no_parquet(tmp_path):
    with pytest.raises(UserError, match=r"no such file, and no folder with train\*.parquet"):
        load(f"parquet:{tmp_path}")
    (tmp_path / "train.parquet").write_text("hello")
    with pytest.raises(UserError, match=r"train.parquet: cannot be read as Parquet"):
        load(f"parquet:{tmp_path}")
