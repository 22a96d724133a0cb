"""The worker: trains work items one after another and writes the results itself."""

import contextlib
import os
import platform
import time
import traceback
from collections.abc import Container, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.execution.checkpoint_store import CheckpointStore
from orchestrator.execution.messages import WorkerConfig, WorkerReport, WorkItem
from orchestrator.execution.tensorboard import TensorBoardCurves
from studies.errors import UserError
from studies.store.writer import Writer
from studies.trial import Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset
    from trainers.recording import Record

#: Seconds between two reports, as far as epochs are shorter than that.
_REPORT = 1.0
#: Seconds for which a worker that cannot write its results waits for room.
PATIENCE = 120.0


class Inputs(Protocol):
    """Where a worker gets the run's trials and data sets from."""

    def trial(self, index: int) -> Trial:
        """A trial by its index in the run."""

    def dataset(self, name: str) -> "Dataset":
        """A data set by its name."""


@dataclass(frozen=True)
class _Ended:
    """How many trials have just finished and failed.

    Attributes:
        finished: number of trials.
        failed: number of trials.
    """

    finished: int = 0
    failed: int = 0


class Worker:
    """Trains one work item after another in one process.

    A step lasts until a report is due. It ends between two epochs, so that a study can be stopped
    without waiting for a trial. Finished trials are written when the next flush is due, or when the
    worker is closed. As long as they cannot be written, the worker holds them and trains nothing.

    Args:
        config: of the run.
        inputs: the run's trials and data sets.
        node: id of the node that the worker runs on; empty where there are no nodes.
    """

    def __init__(self, config: WorkerConfig, inputs: Inputs, node: str = "") -> None:
        self._config, self._inputs, self._node = config, inputs, node
        self._writer = Writer(config.store)
        self._trouble = _Trouble()
        folder = config.options.tensorboard
        self._curves = TensorBoardCurves(folder) if folder else None
        #: Keys of the checkpoints of trials whose rows are not written yet.
        self._checkpoint_keys: list[str] = []
        self._datasets: dict[str, Dataset] = {}

    def take(self, item: WorkItem) -> None:
        """Take the next work item; the one before has come to its end."""
        self._item = item
        self._at = self._until = self._written = item.start
        self._began, self._announced, self._ended = time.monotonic(), False, False
        self._fraction = 0.0
        self._training = self._train_item()

    def step(self) -> WorkerReport:
        """Train until a report is due, and return it.

        The first step of an item trains nothing: it reports what comes next, in case that kills
        the worker.
        """
        if not self._announced:
            self._announced, self._until = True, self._at + len(self._next_pack())
            return self._report(_Ended())
        if self._trouble.reason:
            time.sleep(_REPORT)
        finished = failed = 0
        until = time.monotonic() + _REPORT
        while not self._ended and not self._trouble.reason and time.monotonic() < until:
            ended = next(self._training, None)
            if ended is None:
                self._ended = True
            else:
                finished, failed = finished + ended.finished, failed + ended.failed
        self._write()
        return self._report(_Ended(finished, failed))

    def close(self) -> None:
        """Write what is finished, and a checkpoint of what is not: the run is stopped."""
        self._training.close()
        if self._curves:
            self._curves.close()
        with contextlib.suppress(OSError):  # reported before; those trials run again
            self._writer.flush()
        self._delete_checkpoints()

    def _report(self, ended: _Ended) -> WorkerReport:
        hopeless = self._trouble.hopeless
        return WorkerReport(
            finished=ended.finished,
            failed=ended.failed,
            at=self._at,
            until=self._until,
            written=self._written,
            fraction=self._fraction,
            trouble=self._trouble.reason,
            hopeless=hopeless,
            done=hopeless or (self._ended and self._writer.empty),
            busy=time.monotonic() - self._began,
            node=self._node,
            host=platform.node(),
            pid=os.getpid(),
        )

    def _write(self) -> None:
        """Write what is due, and everything at the item's end or after trouble."""
        try:
            if self._ended or self._trouble.reason:
                self._writer.flush()
            else:
                self._writer.flush_if_due()
        except OSError as error:
            self._trouble.note(str(error))
            return
        self._trouble = _Trouble()
        if self._writer.empty:
            self._written = self._at
        self._delete_checkpoints()

    def _delete_checkpoints(self) -> None:
        """Delete the checkpoints of trials whose rows are written."""
        while self._checkpoint_keys and self._writer.empty:
            self._config.store.checkpoints.delete(self._checkpoint_keys.pop())

    def _train_item(self) -> Generator[_Ended]:
        """Train the work item; after each epoch yield what has just ended."""
        from trainers import runtime

        options = self._config.options
        runtime.settle(tf32=options.tf32)
        checkpoints: Container[str] = ()
        if options.checkpoint_seconds:
            with contextlib.suppress(UserError):  # they cannot be listed just now: go without
                checkpoints = self._config.store.checkpoints.keys()
        while self._at < self._item.stop:
            pack = self._next_pack()
            self._until = self._at + len(pack)
            yield from self._train_pack(pack, checkpoints)
            self._at += len(pack)
            if time.monotonic() - self._began > self._item.seconds:
                return

    def _next_pack(self) -> list[Trial]:
        """The next trials to train in lock-step; on a CPU that is one."""
        first = self._inputs.trial(self._at)
        resources = self._config.resources
        if not resources.lock_step:
            return [first]
        from trainers import pack_key, pack_size

        try:
            data = self._dataset(first.dataset)
            most = pack_size.fitting(first, data, resources.device, resources.gpu_fraction)
        except Exception:  # whatever it is, training the trial meets it too, and records it
            most = 1
        pack, key = [first], pack_key.pack_key(first)
        for index in range(self._at + 1, min(self._item.stop, self._at + most)):
            trial = self._inputs.trial(index)
            if pack_key.pack_key(trial) != key:
                break
            pack.append(trial)
        return pack

    def _dataset(self, name: str) -> "Dataset":
        if name not in self._datasets:
            self._datasets[name] = self._inputs.dataset(name)
        return self._datasets[name]

    def _train_pack(self, pack: Sequence[Trial], checkpoints: Container[str]) -> Generator[_Ended]:
        """Train a pack, and record what comes out.

        Args:
            pack: trials of one `pack_key`.
            checkpoints: the keys of the checkpoints that exist.
        """
        from trainers.loop import train

        config, first = self._config, pack[0]
        unfinished = {trial.trial_id: trial for trial in pack}
        attempts = {trial.trial_id: self._writer.attempt() for trial in pack}
        records: dict[str, list[Record]] = {trial_id: [] for trial_id in unfinished}
        seconds = config.options.checkpoint_seconds
        checkpoint = CheckpointStore(config.store, pack, seconds, checkpoints)
        clock = _Clock()
        try:
            training = train(
                pack,
                self._dataset(first.dataset),
                config.resources.device,
                checkpoint if seconds else None,
                source=self._dataset(first.source) if first.source else None,
                keep=self._keep(),
            )
            with contextlib.closing(training) as new_records:
                for record in clock.over(new_records):
                    trial_id = record.trial.trial_id
                    records[trial_id].append(record)
                    self._fraction = 0.0 if record.final else _fraction(record)
                    if self._curves:
                        self._curves.write(record)
                    if record.final:
                        run = _Run(
                            attempts[trial_id], len(pack), checkpoint.continued_from, clock.seconds
                        )
                        self._hand_to_writer(records.pop(trial_id), run)
                        del unfinished[trial_id]
                    yield _Ended(finished=1) if record.final else _Ended()
            if checkpoint.used:
                self._checkpoint_keys.append(checkpoint.key)
        except Exception as error:  # whatever kills one trial, the others go on
            if len(pack) > 1 and _out_of_memory(error):
                trials = list(unfinished.values())
                for half in (trials[::2], trials[1::2]):
                    yield from self._train_pack(half, checkpoints)
                return
            for trial_id, trial in unfinished.items():
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                text = f"{trial.canonical}\n\n{traceback.format_exc()}"
                self._writer.fail(trial, attempts[trial_id], platform.node(), reason, text)
            yield _Ended(failed=len(unfinished))

    def _keep(self) -> Any:
        """What of a trial is kept beside its figures, see `trainers.recording.Keep`."""
        from trainers.recording import Keep

        masks = self._config.keep_masks
        every = 0 if masks is True else int(masks)
        return Keep(bool(masks), every, self._config.keep_networks)

    def _hand_to_writer(self, records: Sequence["Record"], run: "_Run") -> None:
        """Give the rows of a finished trial to the writer."""
        last = records[-1]
        assert last.final is not None  # noqa: S101  (the caller's condition)
        before = sum(_seconds(r) for r in records if r.epoch["epoch"] <= (run.continued_from or -1))
        self._writer.add(
            last.trial,
            run.attempt,
            {**last.final, **self._provenance(run, before)},
            epochs=[record.epoch for record in records],
            layers=[row for record in records for row in record.layers],
            masks=[row for record in records for row in record.masks],
        )
        if last.network:
            self._writer.keep(last.trial, last.network)

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


@dataclass
class _Trouble:
    """What keeps a worker from writing.

    Attributes:
        reason: in a line; empty where nothing does.
        since: when it began, by `time.monotonic`.
    """

    reason: str = ""
    since: float = 0.0

    def note(self, reason: str) -> None:
        """An attempt to write has failed."""
        self.since = self.since if self.reason else time.monotonic()
        self.reason = reason

    @property
    def hopeless(self) -> bool:
        """Whether it has lasted so long that waiting is given up."""
        return bool(self.reason) and time.monotonic() - self.since > PATIENCE


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


def _fraction(record: "Record") -> float:
    """The fraction of its trial's epochs that is over."""
    return min(1.0, float(record.epoch["epoch"]) / max(1, record.trial.epochs))


def _seconds(record: "Record") -> float:
    """Seconds of the epoch's training and evaluation."""
    return float(record.epoch["train_seconds"] + record.epoch["evaluation_seconds"])
