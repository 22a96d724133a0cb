"""Connected and live connections of networks of a few units, worked out by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studies.trial import Trial
from trainers import datasets, networks, packs
from trainers.batches import Batches
from trainers.measures.effective_size import connected, live, reached

ABOUT = {"dataset": "digits", "method": "dense", "weights": "he-normal", "seed": 1, "epochs": 1}


def wiring(network, shape, classes, **values):
    trial = Trial(**ABOUT, network=network, **values)
    return networks.wiring(trial, shape, classes, reached)


def mask(*rows):
    return torch.tensor([rows], dtype=torch.bool)


def test_a_dead_unit_takes_its_paths_with_it():
    """Two pixels, three hidden units, two classes: by hand.

    Unit 1 has no input left, unit 2 no output: of the seven connections that are used four lie on
    a path from a pixel to a class.
    """
    used = [
        mask([1, 1], [0, 0], [1, 0]),  # into units 0, 1, 2 from pixels 0, 1
        mask([1, 1, 0], [1, 1, 0]),  # into classes 0, 1 from units 0, 1, 2
    ]
    paths = connected(wiring("lenet-3", (1, 1, 2), 2), used, torch.ones(1, 1, 2))
    on_a_path = [(path & use)[0].int().tolist() for path, use in zip(paths, used, strict=True)]
    assert on_a_path == [[[1, 1], [0, 0], [0, 0]], [[1, 0, 0], [1, 0, 0]]]
    # Not used themselves, these would lie on one: into unit 1 from either pixel.
    assert paths[0][0].int().tolist() == [[1, 1], [1, 1], [0, 0]]


def test_only_pixels_that_count_are_inputs():
    used = [mask([1, 0], [0, 1]), mask([1, 1], [1, 1])]
    pixels = torch.tensor([[[True, False]]])
    paths = connected(wiring("lenet-2", (1, 1, 2), 2), used, pixels)
    assert paths[0][0].int().tolist() == [[1, 0], [1, 0]]
    assert paths[1][0].int().tolist() == [[1, 0], [1, 0]]


def test_all_of_a_pooling_window_is_reached():
    """A maximum passes one of four on; as a path each of them counts."""
    network = wiring("conv2", (1, 4, 4), 2, width=0.01)  # one channel, one 2x2 pooling
    used = [torch.zeros(1, *la.shape, dtype=torch.bool) for la in network.layers]
    for layer in used:
        layer.fill_(True)
    used[0][:] = False
    used[0][0, 0, 0, 2, 2] = True  # each pixel goes one to the left and up
    paths = connected(network, used, torch.ones(1, 4, 4))
    assert [bool(path.all()) for path in paths] == [True] * len(paths)
    used[1][:] = False  # nothing beyond the first layer
    paths = connected(network, used, torch.ones(1, 4, 4))
    assert [bool(path.any()) for path in paths] == [False, True, False, False, False]


def test_a_shortcut_is_a_path():
    network = wiring("resnet8", (1, 8, 8), 2)
    used = [torch.ones(1, *la.shape, dtype=torch.bool) for la in network.layers]
    names = [la.name for la in network.layers]
    used[names.index("stage1.block1.conv2")][:] = False
    paths = dict(zip(names, connected(network, used, torch.ones(1, 8, 8)), strict=True))
    assert not paths["stage1.block1.conv1"].any()  # its only way out is gone
    assert paths["stage2.block1.conv1"].all()  # the shortcut goes round it


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.9))
def test_it_is_what_products_of_matrices_say(seed, density):
    rng = np.random.default_rng(seed)
    shapes = [(4, 3), (5, 4), (2, 5)]
    masks = [rng.random(shape) < density for shape in shapes]
    used = [torch.from_numpy(m)[None] for m in masks]
    paths = connected(wiring("lenet-4-5", (1, 1, 3), 2), used, torch.ones(1, 1, 3))
    into = [np.ones(3, bool)]
    for m in masks:
        into.append((m & into[-1]).any(axis=1))
    out = [np.ones(2, bool)]
    for m in reversed(masks):
        out.insert(0, (m & out[0][:, None]).any(axis=0))
    for path, before, after in zip(paths, into, out[1:], strict=False):
        assert (path[0].numpy() == (after[:, None] & before[None])).all()


def few_images(pixels):
    """A data set whose training images are these, [N, pixels]."""
    images = np.array(pixels, np.uint8)[:, None, None]
    some = dict.fromkeys(("train", "validation", "test"), images)
    return datasets.Dataset(
        name="few",
        fingerprint="",
        images=some,
        labels={split: np.zeros(len(images), np.int64) for split in some},
        classes=2,
        white=1,
        mean=np.zeros(images.shape[1:], np.float32),
        std=1.0,
    )


@pytest.mark.parametrize("flipped", [False, True])
def test_a_connection_is_live_if_some_image_moves_it(flipped):
    """Pixel 2 is always 0; unit 1 gets -1 from either pixel, so ReLU keeps it at zero."""
    trial = Trial(**ABOUT, network="lenet-2")
    data = few_images([[1, 0, 0], [0, 1, 0]])
    network = networks.build(trial, data.shape, 2)
    pack = packs.assemble([trial], network, torch.device("cpu"))
    first = torch.tensor([[[1.0, 0.0, 1.0], [-1.0, -1.0, 1.0]]])
    last = torch.tensor([[[1.0, 1.0], [0.0, 1.0]]])
    for layer, weight in zip(pack.layers, (first, last), strict=True):
        layer.effective = (-weight if flipped and layer.index else weight).requires_grad_()
    batches = Batches(data, [trial], torch.device("cpu"))
    found = live(pack, batches, wiring("lenet-2", data.shape, 2))
    # Unit 0 is moved by pixel 0 alone: at pixel 1's image it is at ReLU's kink, where it is flat.
    assert found[0][0].int().tolist() == [[1, 0, 0], [0, 0, 0]]
    assert found[1][0].int().tolist() == [[1, 0], [1, 0]]
