import os
from pathlib import Path

import numpy as np
import pytest
import torch

from studies.errors import UserError
from trainers import datasets, randomness
from trainers.batches import Batches

MNIST = Path(os.environ.get("UNTUNED_DATA", "/nowhere"))
needs_mnist = pytest.mark.skipif(
    not (MNIST / "MNIST" / "raw").is_dir(), reason="MNIST is not in the folder UNTUNED_DATA"
)


def load(name, root=Path()):
    return datasets.load(name, datasets.Place(name, root))


def test_digits(digits):
    assert digits.shape == (1, 8, 8)
    assert {s: len(images) for s, images in digits.images.items()} == {
        "train": 1294,
        "validation": 143,
        "test": 360,
    }
    assert set(digits.labels["test"].tolist()) == set(range(10))
    assert digits.images["train"].dtype == np.uint8
    assert digits.fingerprint == load("digits").fingerprint


def test_no_image_is_in_two_splits(digits):
    # scikit-learn's digits hold each image once, so the splits must be disjoint as sets.
    splits = [{image.tobytes() for image in images} for images in digits.images.values()]
    assert len(set.union(*splits)) == sum(len(images) for images in digits.images.values())


def test_images_are_normalised_by_the_training_images(digits, trial):
    batches = Batches(digits, [trial()], torch.device("cpu"))
    both = [
        images[0]
        for split in ("train", "validation")
        for images, _ in batches.evaluation(split, 1000)
    ]
    training = torch.cat(both).double()
    assert training.mean(dim=0).abs().max() < 1e-6  # each pixel
    assert training.std(correction=0).item() == pytest.approx(1, abs=1e-6)
    raw = np.concatenate([digits.images["train"], digits.images["validation"]]) / 16
    assert digits.std == pytest.approx((raw - raw.mean(axis=0)).std(), rel=1e-12)


def test_an_epoch_takes_each_training_image_once_in_the_seeds_order(digits, trial):
    trials = [trial(seed=1, batch_size=100), trial(seed=2, batch_size=100)]
    taken = list(Batches(digits, trials, torch.device("cpu")).training(1))
    assert [labels.shape[1] for _, labels in taken] == [100] * 12 + [94]
    images, labels = (torch.cat(t, dim=1) for t in zip(*taken, strict=True))
    assert images.shape == (2, 1294, 1, 8, 8)
    for replica in range(2):
        assert np.array_equal(np.sort(labels[replica]), np.sort(digits.labels["train"]))
    assert not torch.equal(labels[0], labels[1])
    alone = Batches(digits, trials[1:], torch.device("cpu")).training(1)
    assert torch.equal(torch.cat([x for x, _ in alone], dim=1)[0], images[1])


def test_there_are_as_many_steps_as_batches_the_last_smaller_one_among_them(digits, trial):
    for size in (100, 647, 1294, 2000):
        batches = Batches(digits, [trial(batch_size=size)], torch.device("cpu"))
        assert batches.steps == len(list(batches.training(1)))


def test_a_balanced_batch_has_the_first_of_each_class_in_the_order_that_no_epoch_has(digits, trial):
    trials = [trial(seed=1), trial(seed=2, order_seed=5)]
    images, labels = Batches(digits, trials, torch.device("cpu")).balanced(3)
    assert labels.tolist() == [[c for c in range(10) for _ in range(3)]] * 2
    given, white = digits.labels["train"], digits.white
    for seed, found in ((1, images[0]), (5, images[1])):
        order = randomness.permutation(seed, "order", 0, len(given))
        rows = np.concatenate([[i for i in order if given[i] == c][:3] for c in range(10)])
        expected = (digits.images["train"][rows] / white - digits.mean) / digits.std
        assert found.numpy() == pytest.approx(expected, abs=1e-6)


def test_an_unknown_data_set():
    with pytest.raises(UserError, match="unknown dataset 'mnits'; did you mean mnist"):
        load("mnits")


def test_a_damaged_mnist_is_named(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte").write_bytes(b"\x00\x00\x08\x03")
    with pytest.raises(UserError, match="train-images-idx3-ubyte is damaged"):
        load("mnist", tmp_path)


def test_the_folder_that_is_looked_in(monkeypatch, tmp_path):
    monkeypatch.setenv("UNTUNED_DATA", str(tmp_path))
    assert datasets.default_root() == tmp_path
    monkeypatch.setenv("UNTUNED_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="no such folder"):
        datasets.default_root()
    monkeypatch.delenv("UNTUNED_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert datasets.default_root() == tmp_path / "cache" / "untuned" / "data"


@needs_mnist
def test_mnist():
    mnist = load("mnist", MNIST)
    assert {s: len(images) for s, images in mnist.images.items()} == {
        "train": 55_000,
        "validation": 5_000,
        "test": 10_000,
    }
    assert mnist.std == pytest.approx(0.2593, abs=5e-5)  # the official implementation's
    assert (mnist.mean == 0).sum() == 67  # pixels that are black in all training images
    assert mnist.labels["validation"][:5].tolist() == [5, 0, 4, 1, 9]  # the first training images
