"""Step times of all methods as ratios to ordinary dense training, interleaved in one run.

Ordinary is what a user of PyTorch writes: `nn.Sequential`, cross-entropy, Adam(fused=True); one
thread. Every round takes some steps with each in turn, so that what else the machine does falls on
all of them alike. For convolutions the memory format that is faster on most CPUs stands beside it.
"""

import itertools
import time

import torch
import torch.nn.functional as F  # noqa: N812
from table import AT_MOST, PRODUCTS, Row, noise, ratios, trial
from torch import nn

from studies.errors import UserError
from trainers import devices, engines, methods, networks, packs, registry
from trainers.batches import Batches
from trainers.products import OWN, by_name

CIFAR = (3, 32, 32)
CPU = torch.device("cpu")


class Ours:
    """A trial in training, step by step."""

    def __init__(self, given, data, device=CPU, replicas=1, kind=engines.start, products=PRODUCTS):
        trials = [type(given)(**given.values() | {"seed": s}) for s in range(1, replicas + 1)]
        network = networks.build(given, data.shape, 10, OWN if device.type == "cuda" else products)
        pack = packs.assemble(trials, network, device)
        batches, method = Batches(data, trials, device), methods.of(trials)
        method.begin(pack, 0, batches)
        self.engine = kind(pack, method, 10**9)
        self._order = itertools.chain.from_iterable(map(batches.training, itertools.count(1)))

    def seconds(self, steps):
        """Of so many steps, each; the batches are taken before."""
        batches = list(itertools.islice(self._order, steps))
        started = time.perf_counter()
        for images, labels in batches:
            self.engine.step(images, labels)
        return (time.perf_counter() - started) / steps


class Ordinary:
    """Dense training as it is written with PyTorch."""

    def __init__(self, given, data, *, channels_last=False):
        self._net = _lenet() if given.network.startswith("lenet") else _conv(int(given.network[4:]))
        self._last = channels_last
        if channels_last:
            self._net.to(memory_format=torch.channels_last)
        self._adam = torch.optim.Adam(self._net.parameters(), 1e-3, eps=1e-7, fused=True)
        batches = Batches(data, [given], CPU)
        self._order = itertools.chain.from_iterable(map(batches.training, itertools.count(1)))

    def seconds(self, steps):
        """Of so many steps, each; the batches are taken before."""
        batches = [(x[0], y[0]) for x, y in itertools.islice(self._order, steps)]
        started = time.perf_counter()
        for images, labels in batches:
            x = images.contiguous(memory_format=torch.channels_last) if self._last else images
            loss = F.cross_entropy(self._net(x), labels)
            self._adam.zero_grad()
            loss.backward()
            self._adam.step()
        return (time.perf_counter() - started) / steps


def _lenet():
    layers = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise((784, 300, 100)):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(100, 10, bias=False))


def _conv(depth):
    layers, channels = [], 3
    for number in range(depth):
        out = (64, 128, 256, 512)[number // 2]
        layers += [nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if number % 2 else []
        channels = out
    units = channels * (32 >> depth // 2) ** 2
    layers.append(nn.Flatten())
    for out in (256, 256):
        layers += [nn.Linear(units, out, bias=False), nn.ReLU()]
        units = out
    return nn.Sequential(*layers, nn.Linear(units, 10, bias=False))


def interleaved(subjects, rounds, steps):
    """Seconds per step of each subject in each round."""
    for subject in subjects.values():
        subject.seconds(max(2, steps // 10))
    times = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            times[name].append(subject.seconds(steps))
    return times


def every_method(network, batch_size):
    """A trial of every method, by name; those that need a density at one half."""
    for part in registry.components("method"):
        density = {"density": 0.5} if "density" in part.reads else {}
        yield part.name, trial(part.name, network=network, batch_size=batch_size, **density)


def measure(network, batch_size, rounds, steps, only=None):
    """The rows of one network: ordinary dense training in ms, the others as ratios to it."""
    lenet = network.startswith("lenet")
    data = noise((1, 28, 28) if lenet else CIFAR, (batch_size * max(steps, 40), 50, 50))
    dense = trial(network=network, batch_size=batch_size)
    subjects = {"ordinary": Ordinary(dense, data)}
    if not lenet:
        subjects["ordinary, channels last"] = Ordinary(dense, data, channels_last=True)
    subjects |= {
        n: Ours(t, data) for n, t in every_method(network, batch_size) if not only or n in only
    }
    times = interleaved(subjects, rounds, steps)
    group = f"step, {network}, batch {batch_size}"
    base = times.pop("ordinary")
    yield Row.of(group, "ordinary dense training", [1e3 * t for t in base], "ms")
    limit = (0.8 if batch_size == 25 else 0.9) if lenet else 1.0
    for name, taken in times.items():
        wanted = f"{AT_MOST} {limit:.2f}" if name in ("free-pruning", "free-flipping") else ""
        yield Row.of(group, name, ratios(taken, base), "x", wanted)
    for kind in ("pruning", "flipping"):
        extra = ratios(times[f"minimal-{kind}"], times[f"free-{kind}"])
        yield Row.of(group, f"minimal / free {kind}", extra, "x", f"{AT_MOST} 1.05")
    for name in ("free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping"):
        # What the verdict on C5 is made of.
        yield Row.of(group, f"{name} / our dense", ratios(times[name], times["dense"]), "x")


def of_products(network, batch_size, rounds, steps):
    """Rows of free pruning with oneDNN's products over PyTorch's own, where both can be had."""
    try:
        both = {name: by_name(name) for name in (devices.ONEDNN, devices.MM)}
    except UserError:
        return
    data = noise((1, 28, 28) if network.startswith("lenet") else CIFAR, (batch_size * 40, 50, 50))
    given = trial("free-pruning", network=network, batch_size=batch_size)
    subjects = {name: Ours(given, data, products=each) for name, each in both.items()}
    times = interleaved(subjects, rounds, steps)
    measure = f"step, {network}, batch {batch_size}"
    yield Row.of("products: oneDNN / PyTorch's own", measure, ratios(*times.values()), "x")
