"""Step times of all methods as ratios to dense training, interleaved in one run.

    python tests/benchmarks/steps.py [--batch-size 25] [--rounds 15] [--network lenet-300-100]

Every round takes some steps with each method in turn, so that what else the machine does falls on
all of them alike; printed are medians over the rounds, with quartiles of the ratios.
"""

import argparse
import itertools
import platform
import statistics
import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from studies.trial import Trial
from trainers import engines, methods, networks, packs, parts, runtime
from trainers.batches import Batches
from trainers.datasets import Dataset

NAME = "chosen"


def noise(shape, n):
    """Random images in MNIST's or CIFAR-10's shape."""
    generator = np.random.default_rng(0)
    images = {s: generator.integers(0, 256, (n, *shape), np.uint8) for s in _SPLITS}
    labels = {s: generator.integers(0, 10, n) for s in _SPLITS}
    return Dataset("noise", "", images, labels, 10, 255, np.full(shape, 0.5, np.float32), 0.29)


_SPLITS = ("train", "validation", "test")


class Subject:
    """A method in training, step by step."""

    def __init__(self, trial, data):
        network = networks.build(trial, data.shape, data.classes)
        self.pack = packs.assemble([trial], network, torch.device("cpu"))
        self.batches = Batches(data, [trial], torch.device("cpu"))
        method = methods.load(trial)
        method.begin(self.pack, 0, self.batches)
        self.engine = engines.choose(self.pack)(self.pack, method, 10**9)
        self.order = itertools.chain.from_iterable(map(self.batches.training, itertools.count(1)))

    def seconds(self, steps):
        """Of so many steps, each."""
        batches = list(itertools.islice(self.order, steps))
        started = time.perf_counter()
        for images, labels in batches:
            self.engine.step(images, labels)
        return (time.perf_counter() - started) / steps


def subjects(network, batch_size, data):
    """Every method, by name; those that need a density at one half."""
    about = {"network": network, "dataset": "noise", "weights": "he-constant", "seed": 1}
    for part in parts.parts("method"):
        density = {"density": 0.5} if "density" in part.reads else {}
        trial = Trial(**about, method=part.name, epochs=1, batch_size=batch_size, **density)
        yield part.name, Subject(trial, data)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="lenet-300-100")
    parser.add_argument("--batch-size", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=40)
    asked = parser.parse_args()
    runtime.settle()
    shape = (1, 28, 28) if asked.network.startswith("lenet") else (3, 32, 32)
    data = noise(shape, max(2_000, asked.batch_size * asked.steps))
    every = dict(subjects(asked.network, asked.batch_size, data))
    for subject in every.values():
        subject.seconds(5)
    times = {name: [] for name in every}
    for _ in range(asked.rounds):
        for name, subject in every.items():
            times[name].append(subject.seconds(asked.steps))
    dense = times["dense"]
    table = Table("method", "step (ms)", "ratio to dense", "quartiles")
    for name, seconds in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        ratios = [one / other for one, other in zip(seconds, dense, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        step = statistics.median(seconds) * 1e3
        table.add_row(name, f"{step:.2f}", f"{middle:.2f}", f"{low:.2f} to {high:.2f}")
    console = Console(width=100)
    console.print(
        f"{asked.network}, batch {asked.batch_size}, engine {NAME}, {asked.rounds} rounds"
    )
    console.print(f"{platform.machine()}, one thread, {runtime.versions()}")
    console.print(table)


if __name__ == "__main__":
    main()
