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
        fraction: of the trial's epochs, how much is over; 0 once it has finished.
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

        Args:
            pack: trials of one `pack_key`.
            checkpoints: the keys of the checkpoints that exist.
        """
        from trainers import products, runtime
        from trainers.loop import train

        config, first = self._config, pack[0]
        attempts = {trial.trial_id: self._writer.attempt() for trial in pack}
        records: dict[str, list[Record]] = {trial.trial_id: [] for trial in pack}
        seconds = config.options.checkpoint_seconds
        checkpoint = CheckpointStore(config.store, pack, seconds, checkpoints)
        clock = _Clock()
        runtime.reset_peak_device_memory(config.resources.device)
        try:
            training = train(
                pack,
                self.dataset(first.dataset),
                config.resources.device,
                checkpoint if seconds else None,
                source=self.dataset(first.source) if first.source else None,
                keep=self._keep(),
                products=products.by_name(config.options.engine),
            )
            with contextlib.closing(training) as new_records:
                for record in clock.over(new_records):
                    trial_id = record.trial.trial_id
                    records[trial_id].append(record)
                    final = None
                    if record.final:
                        continued_from = checkpoint.continued_from
                        run = _Run(attempts[trial_id], len(pack), continued_from, clock.seconds)
                        final = self._hand_to_writer(records[trial_id], run)
                        del records[trial_id]
                    yield self._epoch_end(record, final)
            if checkpoint.used:
                self.checkpoint_keys.append(checkpoint.key)
        except Exception as error:
            if config.options.executor == "inline" and config.options.fail_fast:
                raise  # a debugger is to see it where it happens
            unfinished = [trial for trial in pack if trial.trial_id in records]
            if len(pack) > 1 and _out_of_memory(error):
                for half in (unfinished[::2], unfinished[1::2]):
                    yield from self.train(half, checkpoints)
                return
            for trial in unfinished:
                self._record_failure(trial, attempts[trial.trial_id], error)
            yield EpochEnd(failed=len(unfinished))

    def _keep(self) -> Any:
        """What of a trial is kept beside its figures, see `trainers.recording.Keep`."""
        from trainers.recording import Keep

        masks = self._config.keep_masks
        every = 0 if masks is True else int(masks)
        return Keep(bool(masks), every, self._config.keep_networks)

    def _record_failure(self, trial: Trial, attempt: str, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        log = "".join(traceback.format_exception(error))
        self._writer.fail(trial, attempt, platform.node(), reason, f"{trial.canonical}\n\n{log}")

    def _epoch_end(self, record: "Record", final: dict[str, Any] | None) -> EpochEnd:
        """Say what has happened; ``final``: the row of a trial that has finished."""
        logged = None
        if self._config.options.all_loggers:
            trial_id = record.trial.trial_id
            logged = loggers.logged_epoch(trial_id, record.epoch, record.layers, final)
        if final is not None:
            return EpochEnd(finished=1, logged=logged)
        over = float(record.epoch["epoch"]) / max(1, record.trial.epochs)
        return EpochEnd(fraction=min(1.0, over), logged=logged)

    def _hand_to_writer(self, records: Sequence["Record"], run: "_Run") -> dict[str, Any]:
        """Give the rows of a finished trial to the writer; return that of `trials`."""
        last = records[-1]
        assert last.final is not None  # noqa: S101  (the caller's condition)
        before = sum(_seconds(r) for r in records if r.epoch["epoch"] <= (run.continued_from or -1))
        final = {**last.final, **self._provenance(run, before)}
        self._writer.add(
            last.trial,
            run.attempt,
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
        attempt: the name of the attempt.
        pack_size: trials trained side by side.
        continued_from: the epoch of the checkpoint that it continued from, or None.
        seconds: of the pack's training since then.
    """

    attempt: str
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
