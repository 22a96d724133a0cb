"""The published data sets, read from small files in their layout.

The tests do not have the real files. They make files of the same layout, and set the published
checksums to those of the files that they made. Any other file must be refused.
"""

import gzip
import hashlib
import http.server
import io
import os
import pickle
import socket
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.io
import torchvision.datasets
from PIL import Image

from studies.errors import UserError
from trainers import datasets, registry
from trainers.datasets import (
    _idx,
    _published,
    cifar10,
    cifar100,
    fashion_mnist,
    kmnist,
    mnist,
    svhn,
)

PUBLISHED = {
    "cifar10": cifar10,
    "cifar100": cifar100,
    "fashion-mnist": fashion_mnist,
    "kmnist": kmnist,
    "mnist": mnist,
    "svhn": svhn,
}


def expect(monkeypatch, module, folder):
    """Make the files in a folder the published ones."""
    sums = {path.name: md5(path) for path in folder.iterdir()}
    published = replace(module._PUBLISHED, md5=sums)
    monkeypatch.setattr(module, "_PUBLISHED", published)
    monkeypatch.setattr(module, "check", published.check)


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
def cifar(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for number, name in enumerate([*cifar10._TRAIN, "test_batch"]):
        cifar_file(folder / name, 20, "labels", 20 * number)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    expect(monkeypatch, cifar10, folder)
    return tmp_path


def test_cifar10(cifar):
    data = load("cifar10", cifar)
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
def test_a_pickle_is_not_read_before_its_checksum_matched(file, cifar):
    touched = cifar / "touched"
    path = cifar / "cifar-10-batches-py" / file
    path.write_bytes(pickle.dumps(Evil(touched)))
    with pytest.raises(UserError, match=rf"data set cifar10: .*{file} is damaged \(its MD5 is not"):
        load("cifar10", cifar)
    assert not touched.exists()


def test_cifar100(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        cifar_file(folder / name, 50, "fine_labels", 0)
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": list(map(str, range(100)))}))
    expect(monkeypatch, cifar100, folder)
    data = load("cifar100", tmp_path)
    assert (data.classes, len(data.images["train"]), len(data.images["test"])) == (100, 45, 50)


def test_svhn(tmp_path, monkeypatch):
    folder = tmp_path / "SVHN"
    folder.mkdir()
    for split, n in (("train", 30), ("test", 11)):
        images = np.zeros((32, 32, 3, n), np.uint8)
        images[0, 1, 2] = np.arange(n)  # row 0, column 1, blue
        labels = (np.arange(n) % 10 + 1)[:, None]  # 1 to 10, where 10 stands for the digit 0
        scipy.io.savemat(folder / f"{split}_32x32.mat", {"X": images, "y": labels})
    expect(monkeypatch, svhn, folder)
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
    module = PUBLISHED[request.param]
    folder = tmp_path / module._PUBLISHED.folder
    folder.mkdir(parents=True)
    shapes = ((60, 28, 28), (60,), (20, 28, 28), (20,))
    for file, shape in zip(_idx.FILES, shapes, strict=True):
        array = np.arange(np.prod(shape)).reshape(shape) % (10 if len(shape) == 1 else 251)
        (folder / f"{file}.gz").write_bytes(gzip.compress(idx(array.astype(np.uint8))))
    expect(monkeypatch, module, folder)
    monkeypatch.setattr(_idx, "_SHAPES", shapes)
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


def tables_of_torchvision(kind):
    """The published checksums by file, as torchvision has them."""
    if hasattr(kind, "resources"):
        return dict(kind.resources)
    if hasattr(kind, "split_list"):
        return {file: md5 for _, file, md5 in (kind.split_list[s] for s in ("train", "test"))}
    return dict([*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])])


@pytest.mark.parametrize("name", PUBLISHED)
def test_files_and_checksums_are_those_that_torchvision_downloads(name):
    kind = getattr(torchvision.datasets, name.upper().replace("FASHION-MNIST", "FashionMNIST"))
    published = PUBLISHED[name]._PUBLISHED
    theirs = tables_of_torchvision(kind)
    assert theirs.items() <= published.md5.items()
    assert theirs.keys() == {names[-1] for names in published.files}


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(403)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """The address of a server of this machine that answers, if only with a refusal."""
    served = http.server.HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=served.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{served.server_port}/file"
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def nobody(nobodys_port):
    """An address of this machine where nothing answers."""
    return f"http://127.0.0.1:{nobodys_port}/file"


def addressed(monkeypatch, name, address):
    published = replace(PUBLISHED[name]._PUBLISHED, address=address)
    monkeypatch.setattr(PUBLISHED[name], "check", published.check)


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_absent_must_be_on_a_server_that_answers(name, tmp_path, monkeypatch, request):
    monkeypatch.setattr(_published, "_ANSWER", 3600.0)
    place = datasets.Place(name, tmp_path)
    addressed(monkeypatch, name, request.getfixturevalue("server"))
    datasets.check(name, place)
    addressed(monkeypatch, name, request.getfixturevalue("nobody"))
    with pytest.raises(
        UserError, match=rf"data set {name}: not in .* failed .*--data DIR"
    ) as error:
        datasets.check(name, place)
    assert "refused" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_accepts_and_says_nothing_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(_published, "_ANSWER", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        addressed(monkeypatch, "mnist", f"http://127.0.0.1:{silent.getsockname()[1]}/file")
        with pytest.raises(UserError, match="data set mnist: not in"):
            datasets.check("mnist", datasets.Place("mnist", tmp_path))


def test_what_is_there_is_not_asked_for_elsewhere(cifar, idx_set, monkeypatch, nobody):
    name, root, _ = idx_set
    for present, place in ((name, root), ("cifar10", cifar)):
        addressed(monkeypatch, present, nobody)
        datasets.check(present, datasets.Place(present, place))


def test_a_data_set_is_checked_and_read_without_torch(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\nfrom trainers import datasets\n"
        "from studies.errors import UserError\n"
        "datasets.load('digits', datasets.Place('digits', Path()))\n"
        "for name in ('mnist', 'cifar10', 'svhn', 'parquet:nowhere', 'folder:nowhere'):\n"
        "    try: datasets.check(name, datasets.Place(name, Path('nowhere')))\n"
        "    except UserError as error: assert name in str(error), error\n"
        "    else: raise AssertionError(name)\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'scipy', 'pandas', 'ray'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    proxy = "http://127.0.0.1:9"  # nothing leaves this machine
    subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""},
        check=True,
    )


def test_the_digits_are_those_that_scikit_learn_loads(digits):
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    ours = np.concatenate([digits.images[split] for split in ("train", "validation", "test")])
    order = np.lexsort(ours.reshape(len(ours), -1).T)
    theirs = np.lexsort(images.T)
    assert (ours.reshape(len(ours), -1)[order] == images[theirs]).all()
    assert (np.concatenate(list(digits.labels.values()))[order] == labels[theirs]).all()


def test_what_a_built_in_set_declares_is_what_it_is(digits):
    part = registry.find("dataset", "digits").component.declared
    assert part["SHAPE"] == digits.shape
    assert part["CLASSES"] == digits.classes
    sizes = {split: len(labels) for split, labels in digits.labels.items()}
    assert part["IMAGES"] == (sizes["train"], sizes["validation"] + sizes["test"])


STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_copy(root, name, images, labels, kind="PNG"):
    """Write images, uint8 [N, height, width(, 3)], as the hub has them."""
    contents = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, kind)
        contents.append({"bytes": buffer.getvalue(), "path": None})
    root.mkdir(parents=True, exist_ok=True)
    table = pa.table({"image": pa.array(contents, STRUCT), "label": pa.array(labels, pa.int64())})
    pq.write_table(table, root / f"{name}-00000-of-00001.parquet")


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """MNIST in small, as idx files and as Parquet files."""
    shapes = ((60, 28, 28), (60,), (20, 28, 28), (20,))
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 10 if len(shape) == 1 else 256, shape, np.uint8) for shape in shapes]
    arrays[1][:10], arrays[3][:10] = np.arange(10), np.arange(10)
    folder = tmp_path / "idx" / mnist._PUBLISHED.folder
    folder.mkdir(parents=True)
    for file, array in zip(_idx.FILES, arrays, strict=True):
        head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / file).write_bytes(head + array.tobytes())
    monkeypatch.setattr(mnist, "_PUBLISHED", replace(mnist._PUBLISHED, md5={}))
    monkeypatch.setattr(_idx, "_SHAPES", shapes)
    monkeypatch.setattr(mnist, "IMAGES", (48, 32))
    monkeypatch.setattr(mnist, "validation", lambda n: np.arange(12))
    write_copy(tmp_path / "copy", "train", arrays[0], arrays[1])
    write_copy(tmp_path / "copy", "test", arrays[2], arrays[3])
    return tmp_path


def test_a_published_set_in_parquet_is_the_same_to_the_bit(small_mnist):
    published = load("mnist", small_mnist / "idx")
    place = datasets.Place.of(f"parquet:{small_mnist / 'copy'}", "mnist")
    assert place.component == "mnist"
    datasets.check("mnist", place)
    copy = datasets.load("mnist", place)
    assert copy.fingerprint == published.fingerprint
    for split in published.images:
        assert (copy.images[split] == published.images[split]).all()
        assert (copy.labels[split] == published.labels[split]).all()


def test_other_images_are_not_taken_for_a_published_set(small_mnist):
    copy = small_mnist / "copy"
    place = datasets.Place.of(f"parquet:{copy}", "mnist")
    write_copy(copy, "test", np.zeros((19, 28, 28), np.uint8), [0] * 19)
    with pytest.raises(UserError, match="has 79 images of 28x28x1 in 10 classes, not 80 images"):
        datasets.load("mnist", place)
    write_copy(copy, "validation", np.zeros((5, 28, 28), np.uint8), [0] * 5)
    write_copy(copy, "test", np.zeros((15, 28, 28), np.uint8), [0] * 15)
    with pytest.raises(UserError, match="validation split, which the published data set has not"):
        datasets.load("mnist", place)
    write_copy(copy, "train", np.zeros((60, 28, 28), np.uint8), [0] * 60, kind="JPEG")
    for use in (datasets.check, datasets.load):
        with pytest.raises(UserError, match="are JPEG files, which are not the published images"):
            use("mnist", place)


@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar100", "svhn"])
@pytest.mark.parametrize("below", ["", "data"])
def test_a_folder_of_parquet_files_is_named_and_nothing_is_downloaded_to_it(name, below, tmp_path):
    write_copy(tmp_path / below, "train", np.zeros((2, 4, 4), np.uint8), [0, 1])
    place = datasets.Place(name, tmp_path)
    for use in (datasets.check, datasets.load):
        with pytest.raises(UserError, match=f"give --data {name}=parquet:{tmp_path}"):
            use(name, place)


def test_only_published_sets_may_be_parquet():
    assert {"cifar10", "cifar100", "mnist", "cifar10-jpeg"} <= {
        name for name in EVERY if registry.may_be_parquet(name)
    }
    assert not registry.may_be_parquet("digits")
    assert datasets.Place.of("parquet:/x", "digits").component == "parquet:/x"


EVERY = [name for part in registry.components("dataset") for name in part.examples]
