import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers import randomness
from trainers.batches import Batches, shift_and_mirror
from trainers.datasets import Dataset

IMAGE = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])


@pytest.mark.parametrize(
    ("down", "right", "mirrored", "expected"),
    [
        (0, 0, 0, [[1, 2, 3], [4, 5, 6], [7, 8, 9]]),
        (1, 0, 0, [[1, 2, 3], [1, 2, 3], [4, 5, 6]]),
        (-1, 0, 0, [[4, 5, 6], [7, 8, 9], [7, 8, 9]]),
        (0, 2, 0, [[1, 1, 1], [4, 4, 4], [7, 7, 7]]),
        (0, 0, 1, [[3, 2, 1], [6, 5, 4], [9, 8, 7]]),
        (0, 1, 1, [[3, 3, 2], [6, 6, 5], [9, 9, 8]]),  # mirrored, then shifted
    ],
)
def test_shift_and_mirror_by_hand(down, right, mirrored, expected):
    moves = (torch.tensor([m]) for m in (down, right, mirrored))
    moved = shift_and_mirror(IMAGE.view(1, 1, 3, 3), *moves)
    assert moved[0, 0].tolist() == expected


@given(st.integers(0, 2**32 - 1))
def test_each_image_moves_by_itself_and_its_channels_together(seed):
    generator = np.random.default_rng(seed)
    images = torch.from_numpy(generator.normal(size=(4, 3, 5, 7)))
    down, right = (torch.from_numpy(generator.integers(-2, 3, 4)) for _ in range(2))
    mirrored = torch.from_numpy(generator.integers(0, 2, 4))
    moved = shift_and_mirror(images, down, right, mirrored)
    for n in range(4):
        for c in range(3):
            plain = images[n, c].flip(1) if mirrored[n] else images[n, c]
            rows = (torch.arange(5) - down[n]).clamp(0, 4)
            columns = (torch.arange(7) - right[n]).clamp(0, 6)
            assert torch.equal(moved[n, c], plain[rows][:, columns])


def dataset():
    """One image 400 times, 20 x 30 pixels, each pixel another value."""
    image = (np.arange(600) % 251).astype(np.uint8).reshape(1, 20, 30)
    images = np.repeat(image[None], 400, axis=0)
    labels = np.zeros(400, np.int64)
    splits = ("train", "validation", "test")
    every = dict.fromkeys(splits, images), dict.fromkeys(splits, labels)
    return Dataset("one", "", *every, 2, 255, np.zeros((1, 20, 30), np.float32), 1.0)


def epoch(trials, number=1):
    batches = Batches(dataset(), trials, torch.device("cpu"))
    return torch.cat([images for images, _ in batches.training(number)], dim=1)


@pytest.mark.parametrize("kind", ["shift", "mirror", "shift-mirror"])
def test_moves_are_within_a_tenth_and_all_as_likely(kind, trial):
    plain = epoch([trial(augmentation="none", batch_size=64)])[0, 0, 0]
    seen = {}
    for image in epoch([trial(augmentation=kind, batch_size=64)])[0]:
        seen[image.numpy().tobytes()] = seen.get(image.numpy().tobytes(), 0) + 1
    possible = {}
    for down in range(-2, 3) if "shift" in kind else [0]:
        for right in range(-3, 4) if "shift" in kind else [0]:
            for mirrored in (0, 1) if "mirror" in kind else [0]:
                moves = (torch.tensor([m]) for m in (down, right, mirrored))
                image = shift_and_mirror(plain.view(1, 1, 20, 30), *moves)
                possible[image.numpy().tobytes()] = (down, right, mirrored)
    assert seen.keys() <= possible.keys()
    assert len(seen) > 0.9 * len(possible)
    if kind == "mirror":
        assert sorted(seen.values()) == [pytest.approx(200, abs=50)] * 2


def test_small_images_move_by_a_pixel(trial, digits):
    plain, moved = (
        next(Batches(digits, [trial(augmentation=a)], torch.device("cpu")).training(1))[0]
        for a in ("none", "shift")
    )
    same = (plain == moved).flatten(2).all(dim=2).float().mean()
    assert 0 < same < 0.5  # a ninth, and images whose edges are alike


def test_moves_follow_the_seed_the_epoch_and_nothing_else(trial):
    trials = [trial(augmentation="shift-mirror", seed=s, batch_size=64) for s in (1, 2)]
    both = epoch(trials)
    assert torch.equal(both[1:], epoch(trials[1:]))  # packed or alone
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(both, epoch(trials, 2))
    other = [trial("dense", augmentation="shift-mirror", seed=1, batch_size=100)]
    assert torch.equal(both[:1], epoch(other))


def test_moves_are_frozen_by_their_stream(trial):
    # A tenth of 20 rows and of 30 columns: up to 2 and 3 pixels either way; mirrored below 1/2.
    batches = Batches(dataset(), [trial(augmentation="shift-mirror", seed=7)], torch.device("cpu"))
    n = len(batches.data.images["train"])
    down, right, chance = randomness.uniform(7, "augment", 4, 3 * n).reshape(3, n)
    expected = [np.floor(down * 5) - 2, np.floor(right * 7) - 3, chance < 0.5]
    assert (batches._moves(4, [slice(None)])[:, 0].numpy() == np.stack(expected)).all()


def test_images_to_evaluate_are_not_moved(trial):
    batches = Batches(dataset(), [trial(augmentation="shift-mirror")], torch.device("cpu"))
    (images, _), *_ = batches.evaluation("test", 50)
    assert images.shape == (1, 50, 1, 20, 30)
    assert (images == images[:, :1]).all()
