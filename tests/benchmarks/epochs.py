"""Whole epochs, batches against a DataLoader, packs against trials alone."""

import functools
import struct
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from steps import Ours, interleaved
from table import AT_LEAST, AT_MOST, PRODUCTS, Row, noise, ratios, trial
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import MNIST

from studies.errors import UserError
from trainers import devices, engines, loop, products
from trainers.batches import Batches
from trainers.engines.autograd import Autograd

CPU = torch.device("cpu")
#: Images of the short epoch, a fifth of MNIST's.
SHORT = 11_000
train = functools.partial(loop.train, products=PRODUCTS)


def epoch(rounds, images):
    """A trial of one epoch on noise in MNIST's shape, from drawing weights to the last row."""
    data = noise((1, 28, 28), (images, 5_000, 10_000))
    group = f"epoch of LeNet-300-100, {images:,} images"
    found = {method: ([], []) for method in ("dense", "free-pruning")}
    for _ in range(rounds):
        for method, (taken, steps) in found.items():
            started = time.perf_counter()
            records = list(train([trial(method)], data))
            taken.append(time.perf_counter() - started)
            steps.append(records[-1].epoch["train_seconds"])
    for method, (taken, steps) in found.items():
        yield Row.of(group, f"{method}, all included", taken, "s")
        yield Row.of(group, f"{method}, training alone", steps, "s")
        yield Row.of(group, f"{method}, epochs per second and core", [1 / t for t in taken], "")
    every, dense = found["free-pruning"][0], found["dense"][0]
    yield Row.of(group, "free-pruning / dense, all included", ratios(every, dense), "x")
    share = ratios(*found["free-pruning"])
    wanted = f"{AT_MOST} 2.2" if images == SHORT else ""
    yield Row.of(group, "free-pruning, all included / training alone", share, "x", wanted)


def of_products(rounds, images):
    """Trials of five epochs with oneDNN's products over PyTorch's own, in turn, if both exist."""
    data = noise((1, 28, 28), (images, 5_000, 10_000))
    for batch_size in (25, 128):
        taken = {name: [] for name in (devices.ONEDNN, devices.MM)}
        for seed in range(1, rounds + 1):
            for name, seconds in taken.items():
                given = trial("free-pruning", batch_size=batch_size, epochs=5, seed=seed)
                try:
                    chosen = products.by_name(name)
                except UserError:
                    return
                started = time.perf_counter()
                list(loop.train([given], data, products=chosen))
                seconds.append(time.perf_counter() - started)
        measure = f"trial of 5 epochs of {images:,} images, batch {batch_size}, all included"
        yield Row.of("products: oneDNN / PyTorch's own", measure, ratios(*taken.values()), "x")


def loaders(rounds, images):
    """An epoch's batches of 25: torchvision's MNIST through a DataLoader, and ours."""
    data = noise((1, 28, 28), (images, 50, 50))
    ours = Batches(data, [trial()], CPU)
    with tempfile.TemporaryDirectory() as folder:
        loader = _dataloader(Path(folder), data)
        slow, fast = [], []
        for number in range(rounds):
            for batches, taken in ((loader, slow), (ours.training(number + 1), fast)):
                started = time.perf_counter()
                count = sum(len(labels.flatten()) for _, labels in batches)
                taken.append(time.perf_counter() - started)
                assert count == images
    group = f"batches of an epoch, {images:,} images"
    yield Row.of(group, "torchvision's DataLoader", slow, "s")
    yield Row.of(group, "ours", fast, "s")
    yield Row.of(group, "DataLoader / ours", ratios(slow, fast), "x", f"{AT_LEAST} 50")


def write_mnist(folder, data):
    """Write images as the files that torchvision's MNIST reads in a folder."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = {"train": data.images["train"], "t10k": data.images["test"]}
    labels = {"train": data.labels["train"], "t10k": data.labels["test"]}
    for name in pixels:
        images = pixels[name]
        head = struct.pack(">IIII", 2051, len(images), 28, 28)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = struct.pack(">II", 2049, len(images))
        content = head + labels[name].astype(np.uint8).tobytes()
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(content)


def _dataloader(folder, data):
    """torchvision's own MNIST, reading files in its layout that hold these images."""
    write_mnist(folder, data)
    normal = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.13,), (0.26,))])
    return DataLoader(MNIST(str(folder), transform=normal), batch_size=25, shuffle=True)


def packed(rounds, steps):
    """Steps per second of a pack, times its trials, against one trial; on a GPU if there is one."""
    data = noise((1, 28, 28), (25 * 200, 50, 50))
    given = trial("free-pruning")
    subjects = {"alone": Ours(given, data), "packed": Ours(given, data, replicas=8)}
    times = interleaved(subjects, rounds, steps)
    gain = [8 * one for one in ratios(times["alone"], times["packed"])]
    yield Row.of("packs", "steps of 8 packed / alone on a CPU", gain, "x")
    if not torch.cuda.is_available():
        return
    where = torch.device("cuda")
    for network, shape, size, wanted in (
        ("lenet-300-100", (1, 28, 28), 64, f"{AT_LEAST} 20"),
        ("conv2", (3, 32, 32), 8, f"{AT_LEAST} 1.5"),
    ):
        data = noise(shape, (25 * 200, 50, 50))
        given = trial("free-pruning", network=network)
        eager = _Waiting(given, data, where, kind=Autograd)
        many = _Waiting(given, data, where, replicas=size, kind=engines.start)
        times = interleaved({"alone": eager, "packed": many}, rounds, steps)
        gain = [size * one for one in ratios(times["alone"], times["packed"])]
        name = torch.cuda.get_device_name()
        measure = f"{network} on {name}, steps of {size} packed / one eager"
        yield Row.of("packs", measure, gain, "x", wanted)


class _Waiting(Ours):
    """Its seconds are those of the device."""

    def seconds(self, steps):
        """See `Ours.seconds`."""
        torch.cuda.synchronize()
        started = time.perf_counter()
        super().seconds(steps)
        torch.cuda.synchronize()
        return (time.perf_counter() - started) / steps
