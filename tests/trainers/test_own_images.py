"""Data sets of one's own: real image files in folders and in Parquet."""

import io
import struct
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


def check(source):
    datasets.check("pets", datasets.Place.of(str(source)))


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
    assert sizes == {"train": 14, "validation": 2, "test": 4}  # of each class at least one


def bomb(path):
    """A file of a few hundred bytes that says it holds 400 million pixels."""
    path.write_bytes(encoded(0))
    content = bytearray(path.read_bytes())
    content[16:24] = (20_000).to_bytes(4, "big") * 2
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
        Image.fromarray(np.zeros((4, 6), np.int32)).save(path, "TIFF")
    elif what == "one class":
        (root / "b").rename(root / ".b")
    elif what == "empty class":
        (root / "c").mkdir()
    elif what == "only a thumbnail":
        fill(root / "c" / "@eaDir", 1)
    elif what == "only a format":
        (root / "c").mkdir()
        (root / "c" / "x.heic").write_bytes(b"x")
    elif what == "only a link":
        (root / "c").mkdir()
        (root / "c" / "more").symlink_to(root / "a")
    elif what == "sets":
        for name, other in (("a", "training_set"), ("b", "test_set")):
            (root / other).mkdir()
            (root / name).rename(root / other / name)
    elif what == "one folder":
        (root / "c").symlink_to("b")
    elif what == "one within":
        fill(root / "b" / "in", 1)
        (root / "c").symlink_to("b/in")
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
        ("deep", r"a/000.png: an image of the mode I, which has no one way to be shown; save it"),
        ("one class", r"1 classes; put the images into a folder per class"),
        ("empty class", r"no images in the class c"),
        ("only a thumbnail", r"no images in the class c"),
        ("only a format", r"c/x.heic: an image in a format that is not read; known are PNG"),
        ("only a link", r"c/more: is a link to a folder, which is not followed"),
        ("sets", r"test_set holds folders and no image itself; is it a split\?"),
        ("one folder", r"c: is the same folder as .*/b, whose images would count twice"),
        ("one within", r"c: is the same folder as .*/b/in, whose images would count twice"),
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
    if what not in ("truncated", "text", "bomb", "deep"):  # for which the images are opened
        with pytest.raises(UserError) as before:
            check(f"folder:{tmp_path}")
        assert str(before.value) == str(error.value)


def test_a_class_without_images_is_named_with_its_split(tmp_path):
    splits_of(tmp_path, "train", "val")
    for path in (tmp_path / "val" / "b").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=r"no images in the class val/b$"):
        check(f"folder:{tmp_path}")


@pytest.mark.parametrize("split", ["test", "val"])
def test_a_split_that_is_given_without_images_is_not_replaced(split, tmp_path):
    splits_of(tmp_path / "folder", "train")
    (tmp_path / "folder" / split).mkdir()
    for read in (check, load):
        with pytest.raises(UserError, match=f"{split} holds no class; put a folder per class"):
            read(f"folder:{tmp_path / 'folder'}")
    write_parquet(tmp_path / "parquet" / "train.parquet", range(20), [0, 1] * 10)
    write_parquet(tmp_path / "parquet" / f"{split}.parquet", [], [])
    with pytest.raises(UserError, match=rf"{split}\.parquet: no rows for (test|validation); give"):
        load(f"parquet:{tmp_path / 'parquet'}")


def test_a_split_that_is_another_one_is_refused(tmp_path):
    splits_of(tmp_path / "pets", "train")
    (tmp_path / "again").symlink_to("pets")
    (tmp_path / "pets" / "test").symlink_to(tmp_path / "again" / "train")
    with pytest.raises(UserError, match=r"test/a: is the same folder as .*train/a, whose images"):
        check(f"folder:{tmp_path / 'pets'}")


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


@pytest.mark.parametrize("way", [load, check])
@pytest.mark.parametrize(
    ("names", "twice"),
    [
        (["img", "label", "label"], "label"),
        (["img", "label", "class", "class"], "class"),
        (["img", "img", "label"], "img"),
        (["img", "label", "img"], "img"),
    ],
)
def test_columns_of_one_name_are_refused(way, names, twice, tmp_path):
    arrays = [PLAIN["img" if name == "img" else "label"] for name in names]
    pq.write_table(pa.table(arrays, names=names), tmp_path / "train.parquet")
    with pytest.raises(UserError, match=f"train.parquet: several columns are named {twice}; give"):
        way(f"parquet:{tmp_path}")


def test_columns_are_checked_before_anything_starts(tmp_path):
    table = pa.table(PLAIN | {"label": pa.array(["a", "b"])})
    pq.write_table(table, tmp_path / "train.parquet")
    with pytest.raises(UserError, match="label: string; needed are one of structs with bytes"):
        check(f"parquet:{tmp_path}")


def test_a_file_that_is_another_one_is_refused(tmp_path):
    write_parquet(tmp_path / "train.parquet", range(20), [0, 1] * 10)
    (tmp_path / "test.parquet").symlink_to("train.parquet")
    with pytest.raises(UserError, match=r"test.parquet: is the same file as .*/train.parquet, who"):
        check(f"parquet:{tmp_path}")


@pytest.mark.parametrize(
    ("names", "noted"),
    [
        (["train", "train_backup"], True),
        (["train-0-of-1", "train-extra"], True),
        (["train-0-of-1", "train"], True),
        (["train-0-of-1", "train-1"], True),
        (["train", "training"], True),
        (["train-0-of-2", "train-1-of-2"], False),
        (["train-0-of-2-0123456789abcdef", "train-1-of-2-fedcba9876543210"], False),
        (["train_9", "train_10"], False),
        (["train09", "train10"], False),
        (["train-x-0", "train-x-1"], False),
    ],
)
def test_files_of_a_split_that_are_no_one_series_are_named(names, noted, tmp_path):
    """A copy that lies beside the training images is read as more of them."""
    names = [f"{name}.parquet" for name in names]
    for number, name in enumerate(names):
        write_parquet(tmp_path / name, range(10 * number, 10 * number + 10), [0, 1] * 5)
    note = f"all read as train, though of several series: {', '.join(sorted(names))}"
    assert load(f"parquet:{tmp_path}").notes == ((note,) if noted else ())


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


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        (["plain_text/test-0.parquet", "plain_text/train-0.parquet"], r"train-0.parquet; give its"),
        (["test/0.parquet", "train/0.parquet"], r"test/0.parquet; give one file, or name such"),
        (["TRAIN.PARQUET"], r"TRAIN.PARQUET; give one file, or name such files train-0.parquet"),
    ],
)
def test_parquet_in_another_layout_is_told_what_to_do(files, hint, tmp_path):
    """To give the folder of a test split helps nobody."""
    for name in files:
        write_parquet(tmp_path / name, range(4), [0, 1] * 2)
    with pytest.raises(UserError, match=f"there is .*{hint}"):
        load(f"parquet:{tmp_path}")


def test_parquet_that_is_no_parquet(tmp_path):
    with pytest.raises(UserError, match=r"no such file, and no folder with train\*.parquet"):
        load(f"parquet:{tmp_path}")
    (tmp_path / "train.parquet").write_text("hello")
    with pytest.raises(UserError, match=r"train.parquet: cannot be read as Parquet"):
        load(f"parquet:{tmp_path}")


# --- an image is what a viewer shows

#: Red where it is bright, 8 rows and 12 columns: every corner differs.
CORNERS = np.zeros((8, 12, 3), np.uint8)
CORNERS[:4, :6], CORNERS[:4, 6:], CORNERS[4:, :6], CORNERS[4:, 6:] = 40, 90, 160, 230


def as_read(way, tmp_path, content, shape):
    """The image as it is read from a folder or from a Parquet file, [height, width, channels]."""
    rng = np.random.default_rng(0)
    others = []
    for _ in range(19):
        other = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (*shape, 3), np.uint8)).save(other, "PNG")
        others.append(other.getvalue())
    contents = [content, *others]
    if way == "folder":
        for number, one in enumerate(contents):
            path = tmp_path / "train" / str(number % 2) / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one)
        for label in "01":
            (tmp_path / "test" / label).mkdir(parents=True)
            (tmp_path / "test" / label / "0.png").write_bytes(content)
    else:
        column = pa.array([{"bytes": one, "path": None} for one in contents], IMAGE)
        labels = pa.array([n % 2 for n in range(20)])
        pq.write_table(pa.table({"img": column, "label": labels}), tmp_path / "train.parquet")
        both = pa.array([{"bytes": content, "path": None}] * 2, IMAGE)
        table = pa.table({"img": both, "label": pa.array([0, 1])})
        pq.write_table(table, tmp_path / "test.parquet")
    data = load(f"{way}:{tmp_path}")
    assert (data.images["test"][0] == data.images["test"][1]).all()
    return data.images["test"][0].transpose(1, 2, 0)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


WAYS = pytest.mark.parametrize("way", ["folder", "parquet"])


@WAYS
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda a: np.rot90(a, 1)),
    ],
)
def test_an_image_is_turned_upright(way, kind, orientation, turned, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {
        "PNG": {"exif": exif},
        "JPEG": {"exif": exif, "quality": 100},
        "WEBP": {"exif": exif, "lossless": True},
        "TIFF": {"tiffinfo": {0x0112: orientation}},
    }
    upright = turned(CORNERS)
    content = saved(Image.fromarray(CORNERS), kind, **options[kind])
    read = as_read(way, tmp_path, content, upright.shape[:2])
    assert abs(read.astype(int) - upright).max() <= 3


@WAYS
@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "I;16"])
def test_an_uncompressed_tiff_is_turned_upright(way, mode, tmp_path):
    """Pillow maps such files into memory, where they have a name."""
    grey = Image.fromarray(CORNERS[..., 0])
    image = Image.fromarray(CORNERS[..., 0].astype(np.uint16) * 256) if mode == "I;16" else grey
    content = saved(image.convert(mode), "TIFF", tiffinfo={0x0112: 6})
    upright = np.rot90(CORNERS, -1)
    read = as_read(way, tmp_path, content, upright.shape[:2])
    assert abs(read.astype(int) - upright).max() <= 1


def half_clear(mode):
    """An image that is opaque on the left and clear on the right, and how it is shown."""
    grey = Image.fromarray(CORNERS[..., 0])
    alpha = Image.fromarray(np.repeat([255, 255, 255, 0, 0, 0], 2)[None].repeat(8, 0).astype("u1"))
    image = grey.convert({"LA": "L", "PA": "L"}.get(mode, "RGB"))
    image.putalpha(alpha)
    shown = CORNERS.copy()
    shown[:, 6:] = 255
    return image, shown


@WAYS
@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("RGBA", "TIFF"), ("LA", "PNG")])
def test_what_is_transparent_shows_white(way, mode, kind, tmp_path):
    image, shown = half_clear(mode)
    assert (as_read(way, tmp_path, saved(image, kind), (8, 12)) == shown).all()


@WAYS
@pytest.mark.parametrize(
    ("mode", "clear"), [("L", 230), ("RGB", (230, 230, 230)), ("P", 3), ("I;16", 230 * 256)]
)
def test_a_colour_that_stands_for_transparent_shows_white(way, mode, clear, tmp_path):
    grey = CORNERS[..., 0]
    shown = np.where(CORNERS == 230, 255, CORNERS)
    image = Image.fromarray(grey if mode != "RGB" else CORNERS)
    if mode == "P":
        image = Image.fromarray(np.searchsorted([40, 90, 160, 230], grey).astype(np.uint8), "L")
        image = image.convert("P")
        image.putpalette([level for level in (40, 90, 160, 230) for _ in range(3)])
    elif mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 256)
    content = saved(image, "PNG", transparency=clear)
    assert (as_read(way, tmp_path, content, (8, 12)) == shown).all()


def png(bits, kind, row, **chunks):
    """A PNG of one row, given its bits per channel, its colour type and its packed pixels."""
    pixels = len(row) * 8 // bits // {0: 1, 4: 2}[kind]
    header = struct.pack(">IIBBBBB", pixels, 1, bits, kind, 0, 0, 0)
    parts = {"IHDR": header, **chunks, "IDAT": zlib.compress(b"\0" + row), "IEND": b""}
    bodies = [(name.encode() + content) for name, content in parts.items()]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        for body in bodies
    )


@WAYS
@pytest.mark.parametrize(
    ("bits", "row", "clear", "shown"),
    [
        (1, b"\x1b", 0, [255] * 8),
        (1, b"\x1b", 1, [0, 0, 0, 255, 255, 0, 255, 255]),
        (2, b"\x1b", 2, [0, 85, 255, 255]),  # the greys 0, 1, 2 and 3
        (4, b"\x05\xaf", 5, [0, 255, 170, 255]),  # 0, 5, 10 and 15
        (4, b"\x05\xaf", 16 + 5, [0, 255, 170, 255]),  # of the value the lower 4 bits count
        (8, b"\x05\x55", 5, [255, 85]),
    ],
)
def test_the_grey_that_stands_for_transparent_has_the_bits_of_the_image(
    way, bits, row, clear, shown, tmp_path
):
    content = png(bits, 0, row, tRNS=struct.pack(">H", clear))
    read = as_read(way, tmp_path, content, (1, len(shown)))
    assert read[0, :, 0].tolist() == shown


@pytest.mark.parametrize(("bits", "row"), [(8, b"\x12\xff\x34\x00"), (16, b"\x12\xff\xff\xff" * 2)])
def test_grey_with_transparency_is_grey_whatever_its_bits(bits, row, tmp_path):
    fill(tmp_path / "a", 10, shape=(1, 2, 1))
    fill(tmp_path / "b", 10, shape=(1, 2, 1), start=100)
    (tmp_path / "a" / "000.png").write_bytes(png(bits, 4, row))
    data = load(f"folder:{tmp_path}")
    assert data.shape == (1, 1, 2)
    assert (0x12, 0) in [pair for split in data.images for pair in firsts(data, split)]


@WAYS
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("exif", [b"garbage" * 3, b"II", b"MM\0*\xff\xff\xff\xff"])
def test_exif_that_cannot_be_read_does_not_turn_the_image(way, kind, exif, tmp_path):
    options = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}}.get(kind, {})
    content = saved(Image.fromarray(CORNERS), kind, exif=b"Exif\0\0" + exif, **options)
    read = as_read(way, tmp_path, content, (8, 12))
    assert abs(read.astype(int) - CORNERS).max() <= 3


@WAYS
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_of_16_bits_the_upper_8_count(way, kind, tmp_path):
    deep = CORNERS[..., 0].astype(np.uint16) * 256 + 200
    content = saved(Image.fromarray(deep), kind)
    assert (as_read(way, tmp_path, content, (8, 12)) == CORNERS).all()


@WAYS
@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("GIF", {"save_all": True}, "holds 2 images"),
        ("WEBP", {"save_all": True}, "holds 2 images"),
        ("PNG", {"save_all": True}, "holds 2 images"),
        ("TIFF", {"save_all": True}, "holds 2 images"),
        ("LAB", {}, "an image of the mode LAB, which has no one way to be shown"),
        ("F", {}, "an image of the mode F, which has no one way to be shown"),
        ("I", {}, "an image of the mode I, which has no one way to be shown"),
    ],
)
def test_what_is_not_one_image_is_refused_with_its_name(way, kind, options, message, tmp_path):
    image = Image.fromarray(CORNERS)
    if options:
        other = Image.fromarray(CORNERS[::-1].copy())
        content = saved(image, kind, append_images=[other], **options)
    else:
        plain = image.convert("L")
        image = Image.new("LAB", (12, 8)) if kind == "LAB" else plain.convert(kind)
        content = saved(image, "TIFF")
    with pytest.raises(UserError, match=message) as error:
        as_read(way, tmp_path, content, (8, 12))
    where = {"folder": "train/0/000.png", "parquet": "train.parquet row 0"}[way]
    assert f"{where}: " in str(error.value)


# --- what lies in a data set and is not read


def splits_of(root, *splits, classes=("a", "b")):
    """Five images of each class in each split; their first value names the split."""
    for number, split in enumerate(splits):
        for index, name in enumerate(classes):
            fill(root / split / name, 5, start=50 * number + 20 * index)
    return root


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev"])
def test_a_given_validation_split_is_used(name, tmp_path):
    data = load(f"folder:{splits_of(tmp_path, 'train', 'test', name)}")
    assert {value // 50 for value, _ in firsts(data, "validation")} == {2}
    assert len(firsts(data, "train")) == len(firsts(data, "validation")) == 10
    assert data.notes == ()


@pytest.mark.parametrize("name", ["validation-0", "valid-00000-of-00001", "val", "dev_1", "Val-x"])
def test_given_validation_files_are_used(name, tmp_path):
    for number, file in enumerate(("train", "test", name)):
        values = range(50 * number, 50 * number + 10)
        write_parquet(tmp_path / f"{file}.parquet", values, [0, 1] * 5)
    data = load(f"parquet:{tmp_path}")
    assert {value // 50 for value, _ in firsts(data, "validation")} == {2}
    assert data.notes == ()


def test_two_folders_of_one_split_are_refused(tmp_path):
    with pytest.raises(UserError, match="val and validation are both the split validation"):
        load(f"folder:{splits_of(tmp_path, 'train', 'test', 'val', 'validation')}")


def test_parquet_files_that_are_not_read_are_named(tmp_path):
    others = ("extra-0", "testimonials", "trained", "data/train-0", "more/x")
    for name in ("train-0", "test-0", *others):
        write_parquet(tmp_path / f"{name}.parquet", range(10), [0, 1] * 5)
    data = load(f"parquet:{tmp_path}")
    assert len(firsts(data, "test")) == 10
    named = ", ".join(sorted(f"{name}.parquet" for name in others))
    assert data.notes == (f"not read: {named}",)
    assert str(data).splitlines()[1] == f"pets: not read: {named}"


def test_a_second_column_of_labels_is_named(tmp_path):
    write_parquet(tmp_path / "train.parquet", range(20), [0, 1] * 10)
    table = pq.read_table(tmp_path / "train.parquet")
    table = table.append_column("class", pa.array([0] * 20))
    pq.write_table(table, tmp_path / "train.parquet")
    assert load(f"parquet:{tmp_path}").notes == ("the labels are the column label, not class",)


@pytest.mark.parametrize("split", ["train-1", "test-0"])
def test_files_whose_labels_are_other_columns_are_refused(split, tmp_path):
    """A shard with a column more would have its labels from there, without a word."""
    for name in ("train-0", "train-1", "test-0"):
        write_parquet(tmp_path / f"{name}.parquet", range(20), [0, 1] * 10)
    table = pq.read_table(tmp_path / f"{split}.parquet").rename_columns({"label": "class"})
    path = tmp_path / f"{split}.parquet"
    pq.write_table(table, path)
    with pytest.raises(UserError, match=f"{path}: its images and labels are the columns .* class"):
        load(f"parquet:{tmp_path}")


def test_files_that_are_not_read_are_named(tmp_path):
    root = splits_of(tmp_path, "train", "test")
    (root / "README.md").write_text("x")
    (root / "train" / "labels.csv").write_text("x")
    (root / "train" / "a" / "@eaDir").mkdir()
    (root / "train" / "a" / "@eaDir" / "000.png").write_bytes(encoded(250))
    (root / "train" / "a" / ".cache").mkdir()
    (root / "test" / "b" / "Thumbs.db").write_text("x")
    (root / "test" / "b" / "notes.txt").write_text("x")
    fill(root / "train" / "b" / "more", 1, start=99)
    data = load(f"folder:{root}")
    assert data.notes == (
        "not read: README.md, test/b/Thumbs.db, test/b/notes.txt, train/a/.cache, train/a/@eaDir "
        "and 1 more",
        "read as images of the class around it: train/b/more",
    )
    values = {value for split in ("train", "validation") for value, _ in firsts(data, split)}
    assert 99 in values
    assert 250 not in values


def test_a_note_cannot_control_the_terminal_nor_begin_a_line(tmp_path):
    root = splits_of(tmp_path, "train", "test", classes=("a", "b\x1b[31m"))
    (root / "train" / "a" / "evil\x1b[31m\n.txt").write_text("x")
    (root / "test" / "b\x1b[31m").rename(tmp_path / ".hidden")
    data = load(f"folder:{root}")
    assert data.notes == (
        "not read: .hidden, train/a/evil\\x1b[31m\\n.txt",
        "no test image of the class b\\x1b[31m",
    )
    assert "\x1b" not in str(data)
    assert len(str(data).splitlines()) == 3


@pytest.mark.parametrize(
    "name",
    [
        "@Recycle",
        "@Recently-Snapshot",
        "@tmp",
        ".@__thumb",
        "@__thumb",
        "RECYCLER",
        "found.000",
        "$RECYCLE.BIN",
        "System Volume Information",
        "~snapshot",
    ],
)
def test_folders_of_systems_are_no_classes(name, tmp_path):
    for folder in ("a", "b", name):
        fill(tmp_path / folder, 10)
    data = load(f"folder:{tmp_path}")
    assert (data.classes, data.notes) == (2, (f"not read: {name}",))


def beside(root):
    (root / "train" / "x.png").write_bytes(encoded(1))
    return root / "train" / "x.png"


def unknown_format(root):
    (root / "train" / "a" / "x.HEIC").write_bytes(b"x")
    return root / "train" / "a" / "x.HEIC"


def linked(root):
    (root / "train" / "a" / "more").symlink_to(root / "test" / "a")
    return root / "train" / "a" / "more"


@pytest.mark.parametrize("spoilt", [beside, unknown_format, linked])
def test_images_that_would_be_missed_are_refused(spoilt, tmp_path):
    root = splits_of(tmp_path, "train", "test")
    path = spoilt(root)
    with pytest.raises(UserError) as error:
        load(f"folder:{root}")
    assert str(error.value).startswith(f"{path}: ")


def test_links_to_images_and_to_folders_of_classes_are_read(tmp_path):
    root = splits_of(tmp_path / "pets", "train", "test")
    (root / "train" / "b").rename(tmp_path / "elsewhere")
    (root / "train" / "b").symlink_to(tmp_path / "elsewhere")
    (root / "train" / "a" / "x.png").symlink_to(root / "test" / "a" / "000.png")
    data = load(f"folder:{root}")
    assert sum(len(data.labels[split]) for split in ("train", "validation")) == 11


COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_a_class_may_have_another_unicode_form_in_each_split(tmp_path):
    splits_of(tmp_path, "train", classes=(COMPOSED, "z"))
    splits_of(tmp_path, "test", classes=(DECOMPOSED, "z"))
    data = load(f"folder:{tmp_path}")
    assert (data.classes, sorted(data.labels["test"])) == (2, [0] * 5 + [1] * 5)


def test_two_unicode_forms_of_a_name_are_one_class(tmp_path):
    fingerprints = set()
    for number, forms in enumerate([(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)]):
        root = tmp_path / str(number)
        fill(root / forms[0], 10)
        fill(root / forms[1], 10)
        fill(root / "z", 10, start=100)
        data = load(f"folder:{root}")
        assert data.classes == 2
        fingerprints.add(data.fingerprint)
    assert len(fingerprints) == 1


# --- every class in every split


def test_a_rare_class_is_in_every_split(tmp_path):
    fill(tmp_path / "common", 100)
    fill(tmp_path / "rare", 3, start=200)
    data = load(f"folder:{tmp_path}")
    assert {split: list(labels).count(1) for split, labels in data.labels.items()} == {
        "train": 1,
        "validation": 1,
        "test": 1,
    }
    assert data.notes == ()


def test_a_class_that_a_split_lacks_is_named(tmp_path):
    fill(tmp_path / "common", 100)
    fill(tmp_path / "rare", 2, start=200)
    assert load(f"folder:{tmp_path}").notes == ("no validation image of the class rare",)
    splits_of(tmp_path / "given", "train", "test", "val")
    fill(tmp_path / "given" / "train" / "c", 5, start=200)
    assert load(f"folder:{tmp_path / 'given'}").notes == (
        "no validation image of the class c",
        "no test image of the class c",
    )


@given(st.lists(st.integers(0, 40), min_size=2, max_size=8), st.integers(0, 1))
def test_a_stratified_draw_takes_of_each_class_in_proportion(sizes, draw):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    count = len(labels) // 5
    rows = datasets.stratified(labels, count, draw)
    assert (np.diff(rows) > 0).all()
    taken = np.bincount(labels[rows], minlength=len(sizes))
    for size, n in zip(sizes, taken, strict=True):
        assert n == 0 if size < 2 else 1 <= n < size
        if size:
            assert abs(n - count * size / len(labels)) <= 1
