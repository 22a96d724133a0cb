"""Trains one pack after another and hands the rows of finished trials to the writer."""

import contextlib
import platform
import time
import traceback
from collections.abc import Container, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.execution import loggers
from orchestrator.execution.checkpoint_store import CheckpointStore
from orchestrator.execution.messages import LoggedEpoch, WorkerConfig
from studies.store.writer import Writer
from studies.trial import Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset
    from trainers.recording import Record


class Inputs(Protocol):
    """Where a worker gets the run's trials and data sets from."""

    def trial(self, index: int) -> Trial:
        """A trial by its index in the run."""

    def dataset(self, name: str) -> "Dataset":
        """A data set by its name."""


@dataclass(frozen=True)
class EpochEnd:
    """What has happened by the end of an epoch of one trial.

    Attributes:
        finished: number of trials that have just finished.
        failed: number of trials that have just failed.
        fraction: of the trial's epochs, how much is over; 0 to 1.
        logged: what loggers get of it, if the run has any.
    """

    finished: int = 0
    failed: int = 0
    fraction: float = 0.0
    logged: LoggedEpoch | None = None


class PackTrainer:
    """Trains packs in this process.

    Args:
        config: of the run.
        inputs: the run's trials and data sets.
        writer: takes the rows of finished trials, and failures.

    Attributes:
        checkpoint_keys: keys of the checkpoints of trials that the writer has taken.
    """

    def __init__(self, config: WorkerConfig, inputs: Inputs, writer: Writer) -> None:
        self._config, self._inputs, self._writer = config, inputs, writer
        self._datasets: dict[str, Dataset] = {}
        self.checkpoint_keys: list[str] = []

    def dataset(self, name: str) -> "Dataset":
        """A data set, fetched once."""
        if name not in self._datasets:
            self._datasets[name] = self._inputs.dataset(name)
        return self._datasets[name]

    def train(self, pack: Sequence[Trial], checkpoints: Container[str]) -> Generator[EpochEnd]:
        """Train a pack; whatever one trial fails at, the error is recorded and the others go on.

        A pack that a GPU's memory does not suffice for is trained in halves.

        Args:
            pack: trials of one `pack_key`.
            checkpoints: the keys of the checkpoints that exist.
        """
        records: dict[Trial, list[Record]] = {trial: [] for trial in pack}
        halves: list[list[Trial]] = []
        try:
            yield from self._train_at_once(pack, records, checkpoints)
        except Exception as error:
            unfinished, options = list(records), self._config.options
            if len(pack) > 1 and _out_of_memory(error):
                halves = [half for half in (unfinished[::2], unfinished[1::2]) if half]
            else:
                for trial in unfinished:
                    self._record_failure(trial, error)
                if options.executor == "inline" and options.fail_fast:
                    raise  # a debugger is to see it where it happens
                yield EpochEnd(failed=len(unfinished))
        for half in halves:
            yield from self.train(half, checkpoints)

    def _train_at_once(
        self,
        pack: Sequence[Trial],
        records: "dict[Trial, list[Record]]",
        checkpoints: Container[str],
    ) -> Generator[EpochEnd]:
        """Train a pack in lock-step.

        Args:
            pack: trials of one `pack_key`.
            records: takes the records of each trial; those of a trial that has finished are
                removed.
            checkpoints: the keys of the checkpoints that exist.
        """
        from trainers import methods, runtime

        config, clock = self._config, _Clock()
        epochs = sum(methods.of(pack).rounds(pack[0]))
        seconds = config.options.checkpoint_seconds
        checkpoint = CheckpointStore(config.store, pack, seconds, checkpoints)
        runtime.reset_peak_device_memory(config.resources.device)
        with contextlib.closing(self._training(pack, checkpoint if seconds else None)) as training:
            for record in clock.over(training):
                trial = record.trial
                records[trial].append(record)
                final = None
                if record.final:
                    run = _Run(len(pack), checkpoint.continued_from, clock.seconds)
                    final = self._hand_to_writer(records[trial], run)
                    del records[trial]
                yield self._epoch_end(record, epochs, final)
        if checkpoint.used:
            self.checkpoint_keys.append(checkpoint.key)

    def _training(
        self, pack: Sequence[Trial], checkpoint: CheckpointStore | None
    ) -> "Generator[Record]":
        """The training of a pack; see `trainers.loop.train`."""
        from trainers import products
        from trainers.loop import train
        from trainers.recording import Keep

        config, first = self._config, pack[0]
        every = 0 if config.keep_masks is True else int(config.keep_masks)
        return train(
            pack,
            self.dataset(first.dataset),
            config.resources.device,
            checkpoint,
            source=self.dataset(first.source) if first.source else None,
            keep=Keep(bool(config.keep_masks), every, config.keep_networks),
            products=products.by_name(config.options.engine),
        )

    def _record_failure(self, trial: Trial, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        log = f"{trial.canonical}\n\n{''.join(traceback.format_exception(error))}"
        self._writer.fail(trial, self._writer.attempt(), platform.node(), reason, log)

    def _epoch_end(self, record: "Record", epochs: int, final: dict[str, Any] | None) -> EpochEnd:
        """Say what has happened by the end of an epoch.

        Args:
            record: of the trial after this epoch.
            epochs: of the trial, in all rounds together.
            final: the row of `trials` if it has finished, else None.
        """
        logged = None
        if self._config.options.all_loggers:
            trial_id = record.trial.trial_id
            logged = loggers.logged_epoch(trial_id, record.epoch, record.layers, final)
        fraction = float(record.epoch["epoch"]) / max(1, epochs)
        return EpochEnd(finished=int(final is not None), fraction=fraction, logged=logged)

    def _hand_to_writer(self, records: Sequence["Record"], run: "_Run") -> dict[str, Any]:
        """Give the rows of a finished trial to the writer; return that of `trials`."""
        last = records[-1]
        assert last.final is not None  # noqa: S101  (the caller's condition)
        before = sum(_seconds(r) for r in records if r.epoch["epoch"] <= (run.continued_from or -1))
        final = {**last.final, **self._provenance(run, before)}
        self._writer.add(
            last.trial,
            self._writer.attempt(),
            final,
            epochs=[record.epoch for record in records],
            layers=[row for record in records for row in record.layers],
            masks=[row for record in records for row in record.masks],
        )
        if last.network:
            self._writer.keep(last.trial, last.network)
        return final

    def _provenance(self, run: "_Run", before: float) -> dict[str, Any]:
        """Where and how a trial ran; ``before``: seconds up to the checkpoint it continued from."""
        from trainers import runtime

        return {
            "seconds": (before + run.seconds) / run.pack_size,
            "continued_from": run.continued_from,
            "host": platform.node(),
            "device": self._config.resources.device,
            "threads": runtime.threads(),
            "tf32": runtime.tf32(),
            "peak_memory": runtime.peak_memory(),
            "peak_device_memory": runtime.peak_device_memory(self._config.resources.device),
            "versions": runtime.versions(),
            "commit": self._config.commit,
            "pack_size": run.pack_size,
        }


@dataclass(frozen=True)
class _Run:
    """How one trial was trained.

    Attributes:
        pack_size: trials trained side by side.
        continued_from: the epoch of the checkpoint that it continued from, or None.
        seconds: of the pack's training since then.
    """

    pack_size: int
    continued_from: int | None
    seconds: float


def _out_of_memory(error: Exception) -> bool:
    """Whether a GPU's memory did not suffice; it is freed for another try."""
    import torch

    if not isinstance(error, torch.OutOfMemoryError):
        return False
    error.__traceback__ = None  # which holds on to what was in memory
    torch.cuda.empty_cache()
    return True


class _Clock:
    """Counts the seconds that an iterator takes, without those of its consumer.

    Attributes:
        seconds: so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def over(self, records: Iterator["Record"]) -> Iterator["Record"]:
        """The same records."""
        while True:
            started = time.perf_counter()
            record = next(records, None)
            self.seconds += time.perf_counter() - started
            if record is None:
                return
            yield record


def _seconds(record: "Record") -> float:
    """Seconds of the epoch's training and evaluation."""
    return float(record.epoch["train_seconds"] + record.epoch["evaluation_seconds"])
