"""Connected and live connections of networks of a few units, worked out by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studies.trial import Trial
from trainers import datasets, methods, networks, packs
from trainers.batches import Batches
from trainers.loop import train
from trainers.measures.effective_size import (
    LiveSearch,
    connected,
    effective_sizes,
    reached,
    search,
)
from trainers.recording import _multiply_adds

CPU = torch.device("cpu")
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
    live = LiveSearch(pack, batches)
    search(pack, batches, live)
    assert live.on_path[0][0].int().tolist() == [[1, 1, 1]] * 2  # every pixel counts for a path
    found = live.found
    # Unit 0 is moved by pixel 0 alone: at pixel 1's image it is at ReLU's kink, where it is flat.
    assert found[0][0].int().tolist() == [[1, 0, 0], [0, 0, 0]]
    assert found[1][0].int().tolist() == [[1, 0], [1, 0]]
    # One of the three live connections is pruned and one is flipped; all but one are used.
    masks = [torch.tensor([[[0.0, 1, 1], [1, 1, 1]]]), torch.tensor([[[-1.0, 1], [1, 1]]])]
    assert effective_sizes(pack, live, masks) == [
        [{"connected": 5, "live": 1, "live_changed": 1}],
        [{"connected": 3, "live": 2, "live_changed": 1}],
    ]


def test_what_moves_two_classes_by_opposite_amounts_is_live():
    trial, data = Trial(**ABOUT, network="lenet-1"), few_images([[1, 0], [0, 0]])
    pack = packs.assemble([trial], networks.build(trial, data.shape, 2), CPU)
    for layer, weight in zip(pack.layers, ([[1.0, 1.0]], [[1.0], [-1.0]]), strict=True):
        layer.effective = torch.tensor([weight]).requires_grad_()
    batches = Batches(data, [trial], CPU)
    live = LiveSearch(pack, batches)
    search(pack, batches, live)
    assert live.found[0][0].int().tolist() == [[1, 0]]


def test_a_search_is_complete_with_the_connections_of_a_constant_pixel():
    """Pixel 0 is 1 in every image, so its connection is live, and the first image shows that."""
    trial, data = Trial(**ABOUT, network="lenet-1"), few_images([[1, 1, 0], [1, 0, 0]])
    pack = packs.assemble([trial], networks.build(trial, data.shape, 2), CPU)
    for layer, weight in zip(pack.layers, ([[1.0, 1.0, 1.0]], [[1.0], [1.0]]), strict=True):
        layer.effective = torch.tensor([weight]).requires_grad_()
    batches = Batches(data, [trial], CPU)
    live = LiveSearch(pack, batches)
    search(pack, batches, live)
    assert live.found[0][0].int().tolist() == [[1, 1, 0]]
    assert live.complete


def multiply_adds(network, shape, kept, **values):
    """With a mask that keeps some connections of each layer."""
    built = networks.build(Trial(**ABOUT, network=network, **values), shape, 10)
    sizes = [torch.Size(layer.shape).numel() for layer in built.layers]
    rows = [
        {"connections": size, "mask_zero": size - keep(size)}
        for size, keep in zip(sizes, kept, strict=True)
    ]
    return _multiply_adds(built, rows)


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("free-pruning", {"score_offset": 0.5}),
        # Under the step's own mask, not under those of an evaluation.
        *[("supermask", {"network": "lenet-3-2", "seed": seed}) for seed in (1, 2, 3, 4)],
    ],
)
def test_what_is_recorded_is_what_a_search_finds(method, values, trial, digits):
    given = trial(method, epochs=0, **values)
    (record,) = train([given], digits)
    pack = packs.assemble([given], networks.build(given, digits.shape, digits.classes), CPU)
    batches, how = Batches(digits, [given], CPU), methods.load(given)
    how.begin(pack, 0, batches)
    live = LiveSearch(pack, batches)
    search(pack, batches, live)
    sizes = effective_sizes(pack, live, [how.mask(pack, layer) for layer in pack.layers])
    recorded = [{name: row[name] for name in sizes[0][0]} for row in record.layers]
    assert recorded == [of_layer for (of_layer,) in sizes]
    assert method == "supermask" or all(row["live"] > 0 for row in recorded)


def test_multiplications_are_counted_where_the_mask_keeps_a_connection():
    def every(size):
        return size

    assert multiply_adds("lenet-300-100", (1, 28, 28), [every] * 3) == 266_200
    assert multiply_adds("lenet-300-100", (1, 28, 28), [lambda _: 7, every, every]) == 31_007
    # Conv2 on CIFAR-10: 32x32 positions of 3*3*3*64 and of 3*3*64*64 weights, then 16*16*64 units.
    dense = 16 * 16 * 64 * 256 + 256 * 256 + 256 * 10
    convolutions = 32 * 32 * (27 * 64 + 576 * 64)
    assert multiply_adds("conv2", (3, 32, 32), [every] * 5) == convolutions + dense
    # ResNet-20 has 40.6 million (He et al. 2016 count 3x3 convolutions and the last layer) and
    # here two 1x1 shortcuts more.
    stages = [
        32 * 32 * (27 * 16 + 6 * 144 * 16),
        16 * 16 * (144 * 32 + 5 * 288 * 32 + 16 * 32),
        8 * 8 * (288 * 64 + 5 * 576 * 64 + 32 * 64),
    ]
    assert multiply_adds("resnet20", (3, 32, 32), [every] * 22) == sum(stages) + 640
    assert multiply_adds("resnet8", (1, 9, 7), [lambda _: 1] * 10) == 3 * 63 + 3 * 20 + 3 * 6 + 1


@pytest.mark.parametrize("network", ["lenet-5", "conv4", "resnet8"])
def test_the_positions_of_a_layer_are_those_of_its_output(network):
    """A weight that is added once more moves the sum of its layer's output by its positions."""
    trial, shape = Trial(**ABOUT, network=network, width=0.1), (1, 9, 13)
    linear = networks.wiring(trial, shape, 10, lambda x: x)
    weights = [torch.zeros(1, *layer.shape, dtype=torch.float64) for layer in linear.layers]
    seen = []
    hook = torch.nn.functional.conv2d
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            torch.nn.functional,
            "conv2d",
            lambda *given, **more: (out := hook(*given, **more), seen.append(out[0, 0].numel()))[0],
        )
        norms = [[torch.nn.Identity()] * len(linear.channels)]
        linear.forward(weights, torch.zeros(1, 1, *shape, dtype=torch.float64), norms)
    expected = [la.positions for la in linear.layers if len(la.shape) == 4]
    assert seen == expected
