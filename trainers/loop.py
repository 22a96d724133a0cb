"""The training loop: one for all methods, networks and data sets."""

import itertools
import time
from collections.abc import Generator, Sequence

import torch

from studies.trial import Trial
from trainers import datasets, engines, methods, networks, packs
from trainers.batches import Batches
from trainers.checkpoints import Checkpoints, CheckpointStore
from trainers.recording import Keep, Record, Recorder


def train(
    trials: Sequence[Trial],
    data: datasets.Dataset,
    device: str = "cpu",
    keeper: CheckpointStore | None = None,
    *,
    source: datasets.Dataset | None = None,
    keep: Keep = Keep(),  # noqa: B008  (which cannot be changed)
) -> Generator[Record]:
    """Train a pack of trials in lock-step; yield a record per trial after each epoch.

    Epoch 0, before training, comes first. A trial's last record carries its outcome.

    Args:
        trials: R trials of one `lockstep.pack_key`.
        data: the data set that they name.
        device: where to train, as torch names it.
        keeper: where to leave checkpoints and to find one; records from before it come again.
        source: the data set that is trained on first, if the trials name one.
        keep: what is kept of each trial beside its figures.
    """
    network = networks.build(trials[0], data.shape, data.classes)
    method = methods.of(trials)
    pack = packs.assemble(trials, network, torch.device(device))
    stages = [Batches(d, trials, torch.device(device)) for d in (source, data) if d]
    name = engines.choose(pack).name
    recorder = Recorder(pack, method, stages, name, keep)

    method.begin(pack, 0, stages[0])
    prints = " ".join(batches.data.fingerprint for batches in stages)
    checkpoints = Checkpoints(keeper, pack, method, engine=name, device=device, data=prints)
    done, known = checkpoints.restore()
    yield from checkpoints.records or checkpoints.note(recorder.untrained())
    ends = itertools.accumulate(method.rounds(trials[0]))
    for number, (first, last) in enumerate(itertools.pairwise([0, *ends])):
        if recorder.finished or done >= last:
            continue
        pack.round, batches = number, stages[min(number, len(stages) - 1)]
        recorder.batches = batches
        if number > 0 and done <= first:
            method.begin(pack, number, batches)
        engine = engines.start(pack, method, (last - first) * batches.steps)
        if done > first:
            engine.restore(known)
        for epoch in range(max(first, done) + 1, last + 1):
            started = time.perf_counter()
            answers = [
                (engine.step(images, labels), labels) for images, labels in batches.training(epoch)
            ]
            records = checkpoints.note(recorder.trained(epoch, answers, started))
            checkpoints.save_if_due(engine)
            try:
                yield from records
            except GeneratorExit:  # stopped between two epochs: nothing needs to be lost
                checkpoints.save(engine)
                raise
            if recorder.finished:
                return
