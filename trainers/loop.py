"""The training loop: one for all methods, networks and data sets."""

import itertools
import time
from collections.abc import Iterator, Sequence

import torch

from studies.trial import Trial
from trainers import datasets, networks, parts
from trainers.batches import Batches
from trainers.engines import leaf
from trainers.methods import Method, assemble
from trainers.recording import Record, Recorder


def train(trials: Sequence[Trial], data: datasets.Dataset, device: str = "cpu") -> Iterator[Record]:
    """Train a pack of trials in lock-step; yield a record per trial after each epoch.

    Epoch 0, before training, comes first. A trial's last record carries its outcome.

    Args:
        trials: R trials that differ in nothing but seed, weights and positive_fraction.
        data: the data set that they name.
        device: where to train, as torch names it.
    """
    network = networks.build(trials[0], data.shape, data.classes)
    method: Method = parts.load("method", trials[0].method)[0].METHOD
    pack = assemble(trials, network, torch.device(device))
    batches = Batches(data, trials, torch.device(device))
    recorder = Recorder(pack, method, batches, leaf.NAME)
    rounds = method.rounds(trials[0])
    epochs = itertools.count(1)

    method.begin(pack, 0)
    yield from recorder.untrained()
    for number, length in enumerate([] if recorder.finished else rounds):
        if number > 0:
            method.begin(pack, number)
        engine = leaf.Leaf(pack, method)
        for epoch in itertools.islice(epochs, length):
            started = time.perf_counter()
            totals = torch.zeros(2, len(trials), dtype=torch.float64, device=device)
            for images, labels in batches.training(epoch):
                loss, correct = engine.step(images, labels)
                totals[0] += loss
                totals[1] += correct
            totals = totals.cpu()  # waits for a GPU, so that its seconds are counted as training
            yield from recorder.trained(epoch, totals, time.perf_counter() - started)
            if recorder.finished:
                return
