"""The training loop: one for all methods, networks and data sets."""

import time
from collections.abc import Generator, Sequence

import torch

from studies.trial import Trial
from trainers import datasets, engines, methods, networks, packs, rounds
from trainers.batches import Batches
from trainers.checkpoints import Checkpoints, CheckpointStore
from trainers.products import OWN, Products
from trainers.recording import Keep, Record, Recorder


def train(
    trials: Sequence[Trial],
    data: datasets.Dataset,
    device: str = "cpu",
    checkpoint_store: CheckpointStore | None = None,
    *,
    source: datasets.Dataset | None = None,
    keep: Keep = Keep(),  # noqa: B008  (it is frozen)
    products: Products = OWN,
) -> Generator[Record]:
    """Train a pack of trials in lock-step; yield a record per trial after each epoch.

    Epoch 0, before training, comes first. A trial's last record carries its outcome. Closing the
    generator between two epochs saves a checkpoint.

    Args:
        trials: R trials of one `pack_key.pack_key`.
        data: the data set that they name.
        device: where to train, as torch names it.
        checkpoint_store: where checkpoints are kept. If it has one of this pack, the training
            continues from it, and the records up to there are yielded again.
        source: the data set that is trained on first, if the trials name one.
        keep: what is kept of each trial beside its figures.
        products: what fully connected layers are computed with on a CPU.
    """
    network = networks.build(
        trials[0], data.shape, data.classes, products if device == "cpu" else OWN
    )
    pack, method = packs.assemble(trials, network, torch.device(device)), methods.of(trials)
    stages = [Batches(each, trials, torch.device(device)) for each in (source, data) if each]
    engine_name = engines.choose(pack).name
    recorder = Recorder(pack, method, stages, engine_name, keep)
    fingerprints = " ".join(batches.data.fingerprint for batches in stages)
    checkpoints = Checkpoints(
        checkpoint_store, pack, method, engine=engine_name, device=device, data=fingerprints
    )

    method.begin(pack, 0, stages[0])
    epochs = rounds.remaining(pack, method, stages, *checkpoints.restore())
    yield from checkpoints.records or checkpoints.note(recorder.before_training())
    while not recorder.finished:
        epoch, batches, engine = next(epochs)
        started = time.perf_counter()
        outputs = []
        for images, labels in batches.training(epoch):
            # Forward pass, loss, backward pass, optimiser, new effective weights; see
            # `Engine.update`. It is one call because a GPU replays it as one CUDA graph.
            logits = engine.step(images, labels)
            outputs.append((logits, labels))
        records = recorder.after_epoch(epoch, batches, outputs, started)
        yield from checkpoints.saving(records, engine)
