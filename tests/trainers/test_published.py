"""The published data sets, read by torchvision from small files in their layout.

The tests do not have the real files. They make files of the same layout, and set torchvision's
checksums to those of the files that they made. Any other file must be refused.
"""

import gzip
import hashlib
import pickle

import numpy as np
import pytest
import scipy.io
import torchvision.datasets as published

from studies.errors import UserError
from trainers import datasets, registry
from trainers.datasets import _idx


def load(name, root):
    return datasets.load(name, datasets.Place(name, root))


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def cifar_file(path, n, labels, first):
    data = np.zeros((n, 3072), np.uint8)
    data[:, 0] = first + np.arange(n)  # red, top left
    data[:, 1024 + 1] = 9  # green, one to the right
    path.write_bytes(pickle.dumps({"data": data, labels: [i % 10 for i in range(n)]}))


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    folder = tmp_path / published.CIFAR10.base_folder
    folder.mkdir()
    files = [f"data_batch_{i}" for i in range(1, 6)]
    for number, name in enumerate([*files, "test_batch"]):
        cifar_file(folder / name, 20, "labels", 20 * number)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    kind = published.CIFAR10
    monkeypatch.setattr(kind, "train_list", [[f, md5(folder / f)] for f in files])
    monkeypatch.setattr(kind, "test_list", [["test_batch", md5(folder / "test_batch")]])
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": md5(folder / "batches.meta")})
    return tmp_path


def test_cifar10(cifar10):
    data = load("cifar10", cifar10)
    assert (data.shape, data.classes) == ((3, 32, 32), 10)
    assert {split: len(images) for split, images in data.images.items()} == {
        "train": 90,
        "validation": 10,
        "test": 20,
    }
    assert data.images["test"][:, 0, 0, 0].tolist() == list(range(100, 120))
    assert set(data.images["test"][:, 1, 0, 1].tolist()) == {9}  # channels, rows, columns
    assert data.labels["test"].tolist() == [i % 10 for i in range(20)]


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch", "batches.meta"])
def test_a_pickle_is_not_read_before_its_checksum_matched(file, cifar10):
    touched = cifar10 / "touched"
    path = cifar10 / published.CIFAR10.base_folder / file
    path.write_bytes(pickle.dumps(Evil(touched)))
    with pytest.raises(UserError, match=rf"data set cifar10: .*{file} is damaged \(its MD5 is not"):
        load("cifar10", cifar10)
    assert not touched.exists()


def test_cifar100(tmp_path, monkeypatch):
    kind = published.CIFAR100
    folder = tmp_path / kind.base_folder
    folder.mkdir()
    for name in ("train", "test"):
        cifar_file(folder / name, 50, "fine_labels", 0)
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": list(map(str, range(100)))}))
    monkeypatch.setattr(kind, "train_list", [["train", md5(folder / "train")]])
    monkeypatch.setattr(kind, "test_list", [["test", md5(folder / "test")]])
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": md5(folder / "meta")})
    data = load("cifar100", tmp_path)
    assert (data.classes, len(data.images["train"]), len(data.images["test"])) == (100, 45, 50)


def test_svhn(tmp_path, monkeypatch):
    folder = tmp_path / "SVHN"
    folder.mkdir()
    lists = {}
    for split, n in (("train", 30), ("test", 11)):
        images = np.zeros((32, 32, 3, n), np.uint8)
        images[0, 1, 2] = np.arange(n)  # row 0, column 1, blue
        labels = (np.arange(n) % 10 + 1)[:, None]  # 1 to 10, where 10 stands for the digit 0
        path = folder / f"{split}_32x32.mat"
        scipy.io.savemat(path, {"X": images, "y": labels})
        lists[split] = ["", path.name, md5(path)]
    monkeypatch.setattr(published.SVHN, "split_list", lists)
    data = load("svhn", tmp_path)
    assert data.shape == (3, 32, 32)
    assert data.images["test"][:, 2, 0, 1].tolist() == list(range(11))
    assert data.labels["test"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    (folder / "test_32x32.mat").write_bytes(b"other")
    with pytest.raises(UserError, match=r"data set svhn: .*test_32x32.mat is damaged"):
        load("svhn", tmp_path)


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()


@pytest.fixture(params=["fashion-mnist", "kmnist"])
def idx_set(request, tmp_path, monkeypatch):
    """Packed files as they are published, small."""
    kind = {"fashion-mnist": published.FashionMNIST, "kmnist": published.KMNIST}[request.param]
    folder = tmp_path / kind.__name__ / "raw"
    folder.mkdir(parents=True)
    shapes = ((60, 28, 28), (60,), (20, 28, 28), (20,))
    resources = []
    for file, shape in zip(_idx.FILES, shapes, strict=True):
        array = np.arange(np.prod(shape)).reshape(shape) % (10 if len(shape) == 1 else 251)
        path = folder / f"{file}.gz"
        path.write_bytes(gzip.compress(idx(array.astype(np.uint8))))
        resources.append((path.name, md5(path)))
    monkeypatch.setattr(kind, "resources", resources)
    monkeypatch.setattr(_idx, "_SHAPES", shapes)
    module = registry.load("dataset", request.param)[0]
    monkeypatch.setattr(module, "held_out", lambda n: np.arange(6))
    return request.param, tmp_path, folder


def test_packed_files_are_read_as_published(idx_set):
    name, root, _ = idx_set
    data = load(name, root)
    assert (data.shape, len(data.images["train"]), len(data.images["test"])) == (
        (1, 28, 28),
        54,
        20,
    )
    assert data.images["test"].flatten()[:300].tolist() == [i % 251 for i in range(300)]
    assert data.labels["test"].tolist() == [i % 10 for i in range(20)]


def test_another_packed_file_is_refused(idx_set):
    name, root, folder = idx_set
    path = folder / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(b"other"))
    with pytest.raises(UserError, match=rf"data set {name}: .*labels-idx1-ubyte.gz is damaged"):
        load(name, root)


def test_unpacked_files_are_read_where_there_are_no_packed_ones(idx_set):
    name, root, folder = idx_set
    wanted = load(name, root).fingerprint
    for path in list(folder.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert load(name, root).fingerprint == wanted
    (folder / "t10k-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03")
    with pytest.raises(UserError, match="t10k-images-idx3-ubyte is damaged"):
        load(name, root)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "svhn", "fashion-mnist", "kmnist"])
def test_a_download_that_fails_says_what_to_do(name, tmp_path, monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("no network")

    for module in ("cifar", "svhn", "mnist", "utils"):
        for function in ("download_and_extract_archive", "download_url"):
            where = f"torchvision.datasets.{module}.{function}"
            monkeypatch.setattr(where, unreachable, raising=False)
    with pytest.raises(UserError, match=rf"data set {name}: not in .* failed .*--data DIR"):
        load(name, tmp_path)
    assert tmp_path.is_dir()  # the user's own folder stays, what was made in it goes
    assert list(tmp_path.iterdir()) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_built_in_set_declares_is_what_it_is(digits):
    part = registry.find("dataset", "digits").component.declared
    assert part["SHAPE"] == digits.shape
    assert part["CLASSES"] == digits.classes
    sizes = {split: len(labels) for split, labels in digits.labels.items()}
    assert part["IMAGES"] == (sizes["train"], sizes["validation"] + sizes["test"])
