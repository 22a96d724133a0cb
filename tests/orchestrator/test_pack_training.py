"""Packs whose training fails on the way, in this process."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from orchestrator.execution import worker as worker_module
from orchestrator.execution.messages import Resources, RunOptions, WorkerConfig, WorkItem
from orchestrator.execution.pack_training import PackTrainer, _Run
from orchestrator.execution.worker import Worker
from studies.store import Store
from studies.store.finished import failed_attempts
from studies.store.writer import Writer
from studies.trial import Trial
from trainers import datasets, loop, pack_size
from trainers.recording import Record

FIELDS = {
    **{"network": "lenet-16", "dataset": "digits", "method": "dense", "weights": "he-normal"},
    **{"epochs": 2, "batch_size": 500},
}


@pytest.fixture(autouse=True)
def one_thread():
    """A worker trains with one; other tests want to see their own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Digits:
    """The inputs of a run on digits."""

    def dataset(self, name):
        return datasets.load(name, datasets.Place(name, Path()))


@pytest.fixture
def too_little_memory(monkeypatch):
    """Have the memory not suffice for the second epoch of more than one trial."""
    train = loop.train

    def train_until_memory_runs_out(trials, *arguments, **options):
        for record in train(trials, *arguments, **options):
            if len(trials) > 1 and record.epoch["epoch"] == 2:
                raise torch.OutOfMemoryError("more than one")
            yield record

    monkeypatch.setattr(loop, "train", train_until_memory_runs_out)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [
        ([1e-3, 1e-3, 1e-3], [1, 1, 1]),
        # The first one diverges in the first epoch, so a single one is left to be halved.
        ([1e30, 1e-3], [1, 2]),
    ],
)
def test_what_is_left_of_a_pack_that_runs_out_of_memory_is_tried_in_smaller_packs(
    rates, sizes, too_little_memory, tmp_path
):
    pack = [
        Trial(**FIELDS, seed=seed, learning_rate=rate) for seed, rate in enumerate(rates, start=1)
    ]
    store = Store(str(tmp_path), "own")
    options = RunOptions(executor="inline", fail_fast=True)  # memory is no trial's failure
    writer = Writer(store)
    trainer = PackTrainer(WorkerConfig(store, options, Resources(1)), Digits(), writer)
    ends = list(trainer.train(pack, ()))
    assert sum(end.finished for end in ends) == len(pack)
    assert sum(end.failed for end in ends) == 0
    writer.flush()
    rows = store.tables.read("trials").rows.to_pylist()
    assert {row["trial_id"] for row in rows} == {trial.trial_id for trial in pack}
    assert len({row["attempt"] for row in rows}) == len(rows)
    assert sorted(row["pack_size"] for row in rows) == sizes


def test_only_what_had_not_finished_fails(tmp_path, monkeypatch):
    train = loop.train

    def fail_in_the_second_epoch(trials, *arguments, **options):
        for record in train(trials, *arguments, **options):
            if record.epoch["epoch"] == 2:
                raise ValueError("bad luck")
            yield record

    monkeypatch.setattr(loop, "train", fail_in_the_second_epoch)
    pack = [Trial(**FIELDS, seed=s, learning_rate=r) for s, r in ((1, 1e30), (2, 1e-3), (3, 1e-3))]
    store = Store(str(tmp_path), "own")
    writer = Writer(store)
    trainer = PackTrainer(WorkerConfig(store, RunOptions(), Resources(1)), Digits(), writer)
    ends = list(trainer.train(pack, ()))
    assert (sum(end.finished for end in ends), sum(end.failed for end in ends)) == (1, 2)
    writer.flush()
    assert set(failed_attempts(store).values()) == {trial.trial_id for trial in pack[1:]}


@pytest.mark.parametrize(
    ("pack_size", "continued_from", "expected"),
    [
        (1, None, 100.0),
        (4, None, 25.0),  # a trial's share of its pack
        (1, 2, 100.0 + 1.5 + 2.5 + 4.5),  # the epochs up to the checkpoint, 0 to 2, come first
        (2, 1, (100.0 + 1.5 + 2.5) / 2),
    ],
)
def test_the_seconds_of_a_trial_by_hand(pack_size, continued_from, expected, tmp_path):
    store = Store(str(tmp_path), "own")
    trainer = PackTrainer(WorkerConfig(store, RunOptions(), Resources(1)), Digits(), Writer(store))
    trial = Trial(**FIELDS, seed=1)
    records = [
        Record(
            trial,
            {"epoch": epoch, "train_seconds": float(2**epoch), "evaluation_seconds": 0.5},
            [],
            {} if epoch == 3 else None,
        )
        for epoch in range(4)
    ]
    row = trainer._hand_to_writer(records, _Run(pack_size, continued_from, 100.0))
    assert row["seconds"] == expected
    assert (row["pack_size"], row["continued_from"]) == (pack_size, continued_from)


def test_the_epochs_of_all_rounds_count_for_how_far_a_trial_is(tmp_path):
    """It learns a mask for two epochs, and then trains the weights under it for two more."""
    trial = Trial(**{**FIELDS, "method": "free-pruning-weights"}, seed=1)
    store = Store(str(tmp_path), "own")
    config = WorkerConfig(store, RunOptions(), Resources(1))
    ends = list(PackTrainer(config, Digits(), Writer(store)).train([trial], ()))
    assert [end.fraction for end in ends] == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("keep_masks", "kept"), [(False, set()), (True, {3}), (1, {0, 1, 2, 3}), (2, {0, 2, 3})]
)
def test_the_epochs_whose_masks_are_kept(keep_masks, kept, tmp_path):
    trial = Trial(**{**FIELDS, "method": "free-pruning", "epochs": 3}, seed=1)
    store = Store(str(tmp_path), "own")
    writer = Writer(store)
    config = WorkerConfig(store, RunOptions(), Resources(1), keep_masks=keep_masks)
    list(PackTrainer(config, Digits(), writer).train([trial], ()))
    writer.flush()
    assert set(store.tables.read("masks").rows["epoch"].to_pylist()) == kept


class Trials(Digits):
    """The inputs of a run of four trials on digits."""

    def trial(self, index):
        return Trial(**FIELDS, seed=index + 1)


def test_the_pack_that_a_worker_announces_is_the_one_that_it_trains(tmp_path, monkeypatch):
    """The memory that is free may have changed meanwhile."""
    sizes = iter([2, 1, 1])
    monkeypatch.setattr(pack_size, "fitting", lambda *_: next(sizes))
    store = Store(str(tmp_path), "own")
    resources = Resources(1, lock_step=True)
    worker = Worker(WorkerConfig(store, RunOptions(), resources), Trials())
    worker.take(WorkItem(0, 4, 1e9))
    announced = worker.step()
    assert (announced.at, announced.until) == (0, 2)
    reports = [announced]
    while not reports[-1].done:
        reports.append(worker.step())
    assert sum(report.finished for report in reports) == 4
    assert (reports[-1].retrained_finished, reports[-1].retrained_failed) == (0, 0)
    rows = store.tables.read("trials").rows.to_pylist()
    assert sorted((row["seed"], row["pack_size"]) for row in rows) == [
        (1, 2),
        (2, 2),
        (3, 1),
        (4, 1),
    ]


@pytest.mark.parametrize("written", [False, True])
def test_a_worker_says_what_would_be_trained_again_if_it_died(written, tmp_path, monkeypatch):
    """Of two trials in a pack one diverges in the first epoch: the pack would begin anew."""
    monkeypatch.setattr(Writer, "flush_if_due", Writer.flush if written else lambda _: None)
    now = itertools.count(step=0.6)  # a report is due after each epoch
    monkeypatch.setattr(worker_module, "time", SimpleNamespace(monotonic=lambda: next(now)))
    pack = [Trial(**FIELDS, seed=s, learning_rate=r) for s, r in ((1, 1e30), (2, 1e-3))]
    inputs = Trials()
    monkeypatch.setattr(inputs, "trial", pack.__getitem__, raising=False)
    worker = Worker(
        WorkerConfig(Store(str(tmp_path), "own"), RunOptions(), Resources(1, lock_step=True)),
        inputs,
    )
    worker.take(WorkItem(0, 2, 1e9))
    reports = [worker.step()]
    while not reports[-1].finished:
        reports.append(worker.step())
    assert (reports[-1].at, reports[-1].retrained_finished) == (0, 1)
    while not reports[-1].done:
        reports.append(worker.step())
    assert reports[-1].retrained_finished == 0
