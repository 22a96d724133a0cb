"""Damaged and hostile data sets: one line names the file, and nothing in it is run."""

import gzip
import hashlib
import io
import os
import pickle
import random
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz_support import amounts, damaged, refused
from PIL import Image

from trainers import datasets
from trainers.datasets import _idx, cifar10, fashion_mnist, mnist

KINDS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def load(name, root):
    return datasets.load(name, datasets.Place(name, Path(root)))


def load_own(kind, root):
    return datasets.load("pets", datasets.Place.of(f"{kind}:{root}"))


def md5(content):
    return hashlib.md5(content).hexdigest()


def encoded(rng, kind, mode="RGB", size=(9, 8), **options):
    channels = len(Image.new(mode, (1, 1)).getbands())
    image = Image.frombytes(mode, size, rng.randbytes(size[0] * size[1] * channels))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def folder_of(rng, root, count=8):
    """A folder of two classes of images that are all good."""
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number}.png").write_bytes(encoded(rng, "PNG"))
    return root


# --- the published data sets


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def expect(monkeypatch, module, sums):
    """Set the published checksums of files."""
    monkeypatch.setattr(module, "_PUBLISHED", replace(module._PUBLISHED, md5=sums))


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """CIFAR-10 in small, whose checksums are the published ones."""
    rng, folder = np.random.default_rng(0), tmp_path / cifar10._PUBLISHED.folder
    folder.mkdir()
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    for name in names:
        made = {"data": rng.integers(0, 256, (20, 3072), np.uint8), "labels": [*range(10)] * 2}
        (folder / name).write_bytes(pickle.dumps(made))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [*"abcdefghij"]}))
    sums = {path.name: md5(path.read_bytes()) for path in folder.iterdir()}
    expect(monkeypatch, cifar10, sums)
    return folder


@amounts(60, 3000)
def test_a_damaged_or_hostile_pickle_is_never_read(cases, cifar, capsys, monkeypatch):
    rng, touched = random.Random(6), cifar / "touched"
    whole = load("cifar10", cifar.parent).fingerprint
    paths = sorted(path for path in cifar.iterdir())
    read = []
    with monkeypatch.context() as patched:
        patched.setattr(pickle, "loads", lambda *_, **__: read.append(1))
        for _ in range(cases):
            path = rng.choice(paths)
            content = path.read_bytes()
            hostile = pickle.dumps(Evil(touched), protocol=rng.randrange(6))
            path.write_bytes(hostile if rng.random() < 0.3 else damaged(rng, content))
            said = refused(load, "cifar10", cifar.parent)
            assert f"data set cifar10: {path} is damaged (its MD5 is not" in said
            assert not read
            path.write_bytes(content)
    assert not touched.exists()
    assert load("cifar10", cifar.parent).fingerprint == whole
    with capsys.disabled():
        print(f"\n{cases} damaged or hostile pickles, none read")


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()


@pytest.fixture(params=["mnist", "fashion-mnist"])
def idx_set(request, tmp_path, monkeypatch):
    """A small data set of four idx files, unpacked and packed, by name."""
    module = {"mnist": mnist, "fashion-mnist": fashion_mnist}[request.param]
    folder = tmp_path / module._PUBLISHED.folder
    folder.mkdir(parents=True)
    shapes, rng = ((60, 28, 28), (60,), (20, 28, 28), (20,)), np.random.default_rng(0)
    plain = {
        file: idx(rng.integers(0, 10, shape, np.uint8))
        for file, shape in zip(_idx.FILES, shapes, strict=True)
    }
    packed = {f"{file}.gz": gzip.compress(content) for file, content in plain.items()}
    checked = packed | (plain if request.param == "mnist" else {})
    expect(monkeypatch, module, {file: md5(content) for file, content in checked.items()})
    monkeypatch.setattr(_idx, "_SHAPES", shapes)
    if request.param == "mnist":
        monkeypatch.setattr(module.np, "arange", lambda n: np.array(range(6)))
    else:
        monkeypatch.setattr(module, "held_out", lambda n: np.array(range(6)))
    return request.param, folder, plain, packed


@amounts(40, 2500)
def test_damaged_idx_files_are_named(cases, idx_set, capsys):
    name, folder, plain, packed = idx_set
    rng, root = random.Random(7), folder.parent.parent
    for _ in range(cases):
        some = packed if name != "mnist" or rng.random() < 0.5 else plain
        for path in folder.iterdir():
            path.unlink()
        for file, content in some.items():
            (folder / file).write_bytes(content)
        victim = rng.choice(sorted(some))
        (folder / victim).write_bytes(damaged(rng, some[victim]))
        assert f"data set {name}: {folder / victim} is damaged" in refused(load, name, root)
    with capsys.disabled():
        print(f"\n{cases} damaged files of {name}, all named")


def test_unpacked_files_without_a_checksum_are_held_against_what_they_must_be(idx_set):
    name, folder, plain, _ = idx_set
    for file, content in plain.items():
        (folder / file).write_bytes(content)
    labels = folder / "train-labels-idx1-ubyte"
    for bad in (
        b"",
        plain[labels.name][:-1],
        plain[labels.name] + b"\0",
        b"\0\0\x09" + plain[labels.name][3:],
        plain[labels.name][:7] + b"\xff" + plain[labels.name][8:],
        plain[labels.name][:-1] + b"\x0a",  # a label of 10 among ten classes
        plain[labels.name][:-1] + b"\xff",
    ):
        labels.write_bytes(bad)
        assert f"data set {name}: {labels} is damaged" in refused(load, name, folder.parent.parent)


def test_a_file_that_would_unpack_to_gigabytes_is_not_unpacked(idx_set, monkeypatch):
    name, folder, _, packed = idx_set
    for file, content in packed.items():
        (folder / file).write_bytes(content)
    bomb = gzip.compress(b"\0" * 50_000_000)
    victim = folder / "t10k-labels-idx1-ubyte.gz"
    victim.write_bytes(bomb)
    module = {"mnist": mnist, "fashion-mnist": fashion_mnist}[name]
    sums = {file: md5((folder / file).read_bytes()) for file in packed}
    expect(monkeypatch, module, sums)  # even if it were published
    read = []
    unpack = gzip.GzipFile.read
    monkeypatch.setattr(
        gzip.GzipFile, "read", lambda self, size: read.append(size) or unpack(self, size)
    )
    assert "is damaged (not an idx file" in refused(load, name, folder.parent.parent)
    assert max(read) < 100_000


# --- images of one's own


@amounts(120, 8000)
def test_broken_images_in_a_folder_are_named_or_read(cases, tmp_path, capsys, monkeypatch):
    rng, ends = random.Random(8), Counter()
    root = folder_of(rng, tmp_path / "pets")
    good = {
        (kind, mode): encoded(rng, kind, mode)
        for kind in KINDS
        for mode in ("L", "RGB", "RGBA", "P", "1", "CMYK")
        if not (kind in ("BMP", "PPM", "JPEG") and mode in ("RGBA", "P", "CMYK"))
        if not (kind in ("PNG", "GIF", "WEBP") and mode == "CMYK")
    }
    for _ in range(cases):
        kind, mode = rng.choice(sorted(good))
        victim = root / "a" / f"bad.{'jpg' if rng.random() < 0.5 else kind.lower()}"
        victim.write_bytes(damaged(rng, good[kind, mode]))
        source = "folder" if rng.random() < 0.3 else "folder(size=8)"
        said = refused(load_own, source, root)
        assert not said or str(victim) in said
        ends["named" if said else "read"] += 1
        victim.unlink()
    with capsys.disabled():
        print(f"\n{cases} broken images in a folder: {dict(ends)}")


def parquet_of(images, labels):
    column = pa.array([{"bytes": one, "path": None} for one in images], STRUCT)
    buffer = io.BytesIO()
    pq.write_table(pa.table({"image": column, "label": pa.array(labels, pa.int64())}), buffer)
    return buffer.getvalue()


@amounts(60, 5000)
def test_broken_parquet_and_broken_images_in_it_are_named_or_read(cases, tmp_path, capsys):
    rng, ends = random.Random(9), Counter()
    images = [encoded(rng, rng.choice(("PNG", "JPEG", "WEBP"))) for _ in range(20)]
    path, whole = tmp_path / "train.parquet", parquet_of(images, [0, 1] * 10)
    for _ in range(cases):
        if rng.random() < 0.6:
            path.write_bytes(damaged(rng, whole))
        else:
            some = [*images]
            some[rng.randrange(20)] = damaged(rng, images[0])
            path.write_bytes(parquet_of(some, [0, 1] * 10))
        said = refused(load_own, "parquet(size=8)", tmp_path)
        assert not said or str(tmp_path) in said
        ends["named" if said else "read"] += 1
    with capsys.disabled():
        print(f"\n{cases} broken Parquet files of images: {dict(ends)}")


def png(width, height, data=b""):
    """A PNG of this size whose data is as it is given."""

    def chunk(kind, body):
        return (
            len(body).to_bytes(4, "big") + kind + body
            + zlib.crc32(kind + body).to_bytes(4, "big")
        )  # fmt: skip

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    inside = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + inside


BOMBS = {
    "of 2^31 x 2^31 pixels": png(2**31 - 1, 2**31 - 1),
    "of 4097 x 4097 pixels": png(4097, 4097),
    "without width": png(0, 9),
    "without height": png(9, 0),
    "with too little in it": png(9, 8),
    "with text that unpacks to much": png(9, 8)[:33]
    + (
        lambda b: (
            len(b).to_bytes(4, "big") + b"zTXt" + b + zlib.crc32(b"zTXt" + b).to_bytes(4, "big")
        )
    )(b"k\0\0" + zlib.compress(b"\0" * 100_000_000))
    + png(9, 8)[33:],
    "that is text": b"hello",
    "that is empty": b"",
    "that is a pickle": pickle.dumps(Evil("/nowhere/made")),
    "in a format that runs programs": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 8\n(x) run\n",
    "that is a drawing": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="8"/>',
}


@pytest.mark.parametrize("content", BOMBS.values(), ids=BOMBS)
def test_an_image_that_is_none_is_named(content, tmp_path):
    rng = random.Random(0)
    root = folder_of(rng, tmp_path / "pets")
    victim = root / "b" / "x.png"
    victim.write_bytes(content)
    for source in ("folder", "folder(size=8)"):
        assert str(victim) in refused(load_own, source, root)
    path = tmp_path / "train.parquet"
    path.write_bytes(parquet_of([encoded(rng, "PNG") for _ in range(19)] + [content], [0, 1] * 10))
    assert f"{path} row 19: " in refused(load_own, "parquet(size=8)", path)


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path):
    root = folder_of(random.Random(0), tmp_path / "pets")
    victim = root / "a" / "x.png"
    for make in (
        lambda: os.mkfifo(victim),
        lambda: victim.symlink_to("/nowhere"),
        lambda: victim.symlink_to(victim),
        lambda: victim.symlink_to("/dev/zero"),
        lambda: victim.symlink_to("/etc/passwd"),
    ):
        make()
        assert str(victim) in refused(load_own, "folder", root)
        victim.unlink()
    victim = tmp_path / "train.parquet"
    for make in (
        lambda: os.mkfifo(victim),
        lambda: victim.symlink_to("/nowhere"),
        lambda: victim.symlink_to("/dev/zero"),
        lambda: victim.mkdir(),
    ):
        make()
        assert str(victim) in refused(load_own, "parquet", tmp_path)
        victim.rmdir() if victim.is_dir() else victim.unlink()


def test_links_in_a_circle_come_to_an_end(tmp_path):
    root = folder_of(random.Random(0), tmp_path / "pets")
    (root / "a" / "again").symlink_to(root)
    assert f"{root / 'a' / 'again'}: is a link to a folder" in refused(load_own, "folder", root)


def test_columns_that_are_not_images(tmp_path):
    path, image = tmp_path / "x.parquet", {"bytes": b"x", "path": "y"}
    text = pa.Array.from_buffers(
        pa.string(), 2, pa.array([b"\xff", b"\xfe"]).buffers()
    )  # which is no UTF-8
    for columns in (
        {"image": pa.array([image] * 2, STRUCT), "label": pa.array([2**64 - 1, 0], pa.uint64())},
        {"image": pa.array([image] * 2, STRUCT), "label": pa.nulls(2, pa.int64())},
        {"image": pa.nulls(2, STRUCT), "label": pa.array([0, 1])},
        {"image": pa.array([[image]] * 2), "label": pa.array([0, 1])},
        {"image": pa.array([image] * 2, STRUCT), "label": text},
        {"image": pa.array([{"bytes": {"bytes": b"x"}}] * 2), "label": pa.array([0, 1])},
        {"image": pa.array([image] * 2, STRUCT), "\x1b[31m": pa.array([0, 1])},
        {"x" * 100_000: pa.array([0, 1])},
        {str(n): pa.array([0, 1]) for n in range(3000)},
        {},
    ):
        pq.write_table(pa.table(columns), path)
        assert str(path) in refused(load_own, "parquet", path)


@pytest.mark.parametrize("text", ["folder:/a\0b", "folder:\ud800", "parquet:\0", "x"])
def test_places_that_cannot_be(text):
    assert refused(lambda: datasets.load("pets", datasets.Place.of(text)))
