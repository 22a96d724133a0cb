"""The training loop: one for all methods, networks and data sets."""

import itertools
import time
from collections.abc import Generator, Sequence

import torch

from studies.trial import Trial
from trainers import datasets, methods, networks
from trainers.batches import Batches
from trainers.checkpoints import Checkpoints, Keeper
from trainers.engines import leaf
from trainers.recording import Record, Recorder


def train(
    trials: Sequence[Trial],
    data: datasets.Dataset,
    device: str = "cpu",
    keeper: Keeper | None = None,
) -> Generator[Record]:
    """Train a pack of trials in lock-step; yield a record per trial after each epoch.

    Epoch 0, before training, comes first. A trial's last record carries its outcome.

    Args:
        trials: R trials that differ in nothing but seed, weights and positive_fraction.
        data: the data set that they name.
        device: where to train, as torch names it.
        keeper: where to leave checkpoints and to find one; records from before it come again.
    """
    network = networks.build(trials[0], data.shape, data.classes)
    method = methods.load(trials[0])
    pack = methods.assemble(trials, network, torch.device(device))
    batches = Batches(data, trials, torch.device(device))
    recorder = Recorder(pack, method, batches, leaf.NAME)

    method.begin(pack, 0, batches)
    checkpoints = Checkpoints(
        keeper, pack, method, engine=leaf.NAME, device=device, data=data.fingerprint
    )
    done, known = checkpoints.restore()
    yield from checkpoints.records or checkpoints.note(recorder.untrained())
    ends = itertools.accumulate(method.rounds(trials[0]))
    for number, (first, last) in enumerate(itertools.pairwise([0, *ends])):
        if recorder.finished or done >= last:
            continue
        if number > 0 and done <= first:
            method.begin(pack, number, batches)
        engine = leaf.Leaf(pack, method, (last - first) * batches.steps)
        if done > first:
            engine.restore(known)
        for epoch in range(max(first, done) + 1, last + 1):
            started = time.perf_counter()
            totals = torch.zeros(2, len(trials), dtype=torch.float64, device=device)
            for images, labels in batches.training(epoch):
                loss, correct = engine.step(images, labels)
                totals[0] += loss
                totals[1] += correct
            totals = totals.cpu()  # waits for a GPU, so that its seconds are counted as training
            records = checkpoints.note(
                recorder.trained(epoch, totals, time.perf_counter() - started)
            )
            checkpoints.save_if_due(engine)
            try:
                yield from records
            except GeneratorExit:  # stopped between two epochs: nothing needs to be lost
                checkpoints.save(engine)
                raise
            if recorder.finished:
                return
