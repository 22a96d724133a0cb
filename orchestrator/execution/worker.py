"""The worker: a Ray Tune Trainable that trains packs and writes the results itself."""

import contextlib
import platform
import time
import traceback
from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from orchestrator.execution.checkpoint_store import CheckpointStore
from orchestrator.execution.tensorboard import TensorBoardCurves
from orchestrator.execution.work_queue import WorkItem
from studies.errors import UserError
from studies.store import Store
from studies.store.writer import Writer
from studies.trial import Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset
    from trainers.recording import Record

#: Trials that are fetched at once.
CHUNK = 256

#: Seconds between two reports to the driver, as far as epochs are shorter than that.
_REPORT = 1.0
#: Seconds for which a worker that cannot write its results waits for room.
PATIENCE = 120.0
_IDLE: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class WorkerConfig:
    """What the driver hands to every worker of a run.

    Attributes:
        store: the study's results (a worker has a working directory of its own, so a relative
            path would not do).
        trials: references to the run's trials in their order, `CHUNK` in each.
        data: a reference to each data set, shared by the workers of a node.
        device: as torch names it.
        lock_step: whether trials are trained side by side, as on a GPU; else one after another.
        gpu_fraction: of a GPU that a worker gets.
        tf32: whether a GPU may multiply with TF32's 10 bits of mantissa.
        checkpoint_seconds: of training after which a trial leaves a checkpoint; 0 for none.
        keep_masks: see `Study.keep_masks`.
        keep_networks: whether trained networks are kept.
        commit: of this project's checkout, if it is one.
        tensorboard: the folder for curves of each trial, if they are wanted.
    """

    store: Store
    trials: Sequence["ray.ObjectRef[list[Trial]]"]
    data: Mapping[str, "ray.ObjectRef[Dataset]"]
    device: str
    lock_step: bool
    gpu_fraction: float
    tf32: bool
    checkpoint_seconds: float
    keep_masks: bool | int
    keep_networks: bool
    commit: str | None
    tensorboard: str | None = None


class Worker(tune.Trainable):
    """Trains one pack after another in one process.

    A step lasts until a report is due; it ends between two epochs, so that a study can be stopped
    without waiting for a trial. Finished trials are written by then or when the worker is stopped.
    As long as they cannot be written, the worker holds them and trains nothing more.
    """

    def setup(self, config: dict[str, Any], job: WorkerConfig | None = None) -> None:
        """Keep what comes from the driver; nothing heavy, since some actors are never used.

        Args:
            config: a `WorkItem`.
            job: always given; Ray Tune's own signature makes it optional.
        """
        assert job is not None  # noqa: S101
        self._job = job
        self._writer = Writer(job.store)
        self._trouble = _Trouble()
        self._curves = TensorBoardCurves(job.tensorboard) if job.tensorboard else None
        self._node = ray.get_runtime_context().get_node_id()
        self._kept: list[str] = []
        self._data: dict[str, Dataset] = {}
        self._chunk: tuple[int, list[Trial]] = (-1, [])
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next pack in the same process."""
        self._pack = WorkItem(**new_config)
        self._at = self._until = self._written = self._pack.start
        self._began, self._told, self._ended = time.monotonic(), False, False
        self._fraction = 0.0
        self._progress = self._train()
        return True

    def step(self) -> dict[str, Any]:
        """Train for a moment; the first of a pack only says what comes, in case it is fatal.

        Returns:
            How many trials were ``finished`` and how many ``failed``; the ``node``; the indices of
            the trials in training (``at``, ``until``), the ``fraction`` of their epochs that is
            over, and of the first that may not be ``written``;
            ``trouble`` with writing, in words, and whether it is ``hopeless``; ``done`` at the
            pack's end, with the seconds that it took (``busy``).
        """
        if not self._told:
            self._told, self._until = True, self._at + len(self._group())
            return self._report(0, 0)
        if self._trouble.words:
            time.sleep(_REPORT)
        finished = failed = 0
        until = time.monotonic() + _REPORT
        while not self._ended and not self._trouble.words and time.monotonic() < until:
            done, lost = next(self._progress, (None, 0))
            self._ended = done is None
            finished, failed = finished + (done or 0), failed + lost
        self._write()
        return self._report(finished, failed)

    def _report(self, finished: int, failed: int) -> dict[str, Any]:
        about: dict[str, Any] = {"finished": finished, "failed": failed, "node": self._node}
        about |= {"at": self._at, "until": self._until, "written": self._written}
        about["fraction"] = self._fraction
        about |= {"trouble": self._trouble.words, "hopeless": self._trouble.hopeless}
        about["done"] = self._trouble.hopeless or (self._ended and self._writer.empty)
        return about | {"busy": time.monotonic() - self._began}

    def _write(self) -> None:
        """Write what is due, all at the pack's end or after trouble; note what goes wrong."""
        try:
            if self._ended or self._trouble.words:
                self._writer.flush()
            else:
                self._writer.flush_if_due()
        except OSError as error:
            self._trouble.note(str(error))
            return
        self._trouble = _Trouble()
        if self._writer.empty:
            self._written = self._at
        self._drop_checkpoints()

    def cleanup(self) -> None:
        """Write what is finished, and a checkpoint of what is not, when the study is stopped."""
        self._progress.close()
        if self._curves:
            self._curves.close()
        with contextlib.suppress(OSError):  # said before; those trials run again
            self._writer.flush()
        self._drop_checkpoints()

    def _drop_checkpoints(self) -> None:
        """Delete the checkpoints of trials whose rows are written."""
        while self._kept and self._writer.empty:
            self._job.store.checkpoints.delete(self._kept.pop())

    def _train(self) -> Generator[tuple[int, int]]:
        """Train the pack; after each epoch yield how many trials have just finished and failed."""
        from trainers import runtime

        runtime.settle(tf32=self._job.tf32)
        there: Container[str] = ()
        if self._job.checkpoint_seconds:
            with contextlib.suppress(UserError):  # they cannot be listed just now: go without
                there = self._job.store.checkpoints.keys()
        while self._at < self._pack.stop:
            group = self._group()
            self._until = self._at + len(group)
            yield from self._train_group(group, there)
            self._at += len(group)
            if time.monotonic() - self._began > self._pack.seconds:
                return

    def _group(self) -> list[Trial]:
        """The trials that come next and are trained side by side: on a CPU one."""
        first = self._trial(self._at)
        if not self._job.lock_step:
            return [first]
        from trainers import pack_key, pack_size

        job = self._job
        try:
            data = self._dataset(first.dataset)
            most = pack_size.fitting(first, data, job.device, job.gpu_fraction)
        except Exception:  # whatever it is, training the trial will meet it too, and record it
            most = 1
        group, key = [first], pack_key.pack_key(first)
        for index in range(self._at + 1, min(self._pack.stop, self._at + most)):
            if pack_key.pack_key(self._trial(index)) != key:
                break
            group.append(self._trial(index))
        return group

    def _trial(self, index: int) -> Trial:
        number, place = divmod(index, CHUNK)
        if self._chunk[0] != number:
            self._chunk = (number, ray.get(self._job.trials[number]))
        return self._chunk[1][place]

    def _dataset(self, name: str) -> "Dataset":
        if name not in self._data:
            self._data[name] = ray.get(self._job.data[name])
        return self._data[name]

    def _train_group(
        self, group: Sequence[Trial], there: Container[str]
    ) -> Generator[tuple[int, int]]:
        """Train trials side by side; ``there`` are the keys of the checkpoints that there are."""
        from trainers.loop import train
        from trainers.recording import Keep

        job = self._job
        left = {trial.trial_id: trial for trial in group}
        attempts = {trial.trial_id: self._writer.attempt() for trial in group}
        rows: dict[str, list[Record]] = {trial_id: [] for trial_id in left}
        keeper = CheckpointStore(self._job.store, group, self._job.checkpoint_seconds, there)
        wanted = keeper if self._job.checkpoint_seconds else None
        first, clock = group[0], _Clock()
        data = self._dataset(first.dataset)
        source = self._dataset(first.source) if first.source else None
        every = 0 if job.keep_masks is True else int(job.keep_masks)
        keep = Keep(bool(job.keep_masks), every, job.keep_networks)
        try:
            training = train(group, data, job.device, wanted, source=source, keep=keep)
            with contextlib.closing(training) as records:
                for record in clock.over(records):
                    trial_id = record.trial.trial_id
                    rows[trial_id].append(record)
                    self._fraction = 0.0 if record.final else _over(record)
                    if self._curves:
                        self._curves.write(record)
                    if record.final:
                        about = {"attempt": attempts[trial_id], "pack_size": len(group)}
                        self._finish(rows.pop(trial_id), about, keeper.continued_from, clock)
                        del left[trial_id]
                    yield (1, 0) if record.final else _IDLE
            if keeper.used:
                self._kept.append(keeper.key)
        except Exception as error:  # whatever a trial dies of, the others go on
            if len(group) > 1 and _out_of_memory(error):
                trials = list(left.values())
                for half in (trials[::2], trials[1::2]):
                    yield from self._train_group(half, there)
                return
            for trial_id, trial in left.items():
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                text = f"{trial.canonical}\n\n{traceback.format_exc()}"
                self._writer.fail(trial, attempts[trial_id], platform.node(), reason, text)
            yield (0, len(left))

    def _finish(
        self,
        records: Sequence["Record"],
        about: dict[str, Any],
        continued_from: int | None,
        clock: "_Clock",
    ) -> None:
        """Hand a trial's rows to the writer; ``about`` is the attempt and what is known of it."""
        from trainers import runtime

        last = records[-1]
        assert last.final is not None  # noqa: S101  (the caller's condition)
        before = sum(_seconds(r) for r in records if r.epoch["epoch"] <= (continued_from or -1))
        provenance = {
            "seconds": (before + clock.seconds) / about["pack_size"],
            "continued_from": continued_from,
            "host": platform.node(),
            "device": self._job.device,
            "threads": runtime.threads(),
            "tf32": runtime.tf32(),
            "versions": runtime.versions(),
            "commit": self._job.commit,
        } | about
        epochs = [record.epoch for record in records]
        layers = [row for record in records for row in record.layers]
        masks = [row for record in records for row in record.masks]
        row = {**last.final, **provenance}
        attempt = row.pop("attempt")
        self._writer.add(last.trial, attempt, row, epochs=epochs, layers=layers, masks=masks)
        if last.network:
            self._writer.keep(last.trial, last.network)


@dataclass
class _Trouble:
    """What keeps a worker from writing.

    Attributes:
        words: in a line; empty where nothing does.
        since: when it began.
    """

    words: str = ""
    since: float = 0.0

    def note(self, words: str) -> None:
        """A try has failed."""
        self.since = self.since if self.words else time.monotonic()
        self.words = words

    @property
    def hopeless(self) -> bool:
        """Whether it has lasted so long that waiting is given up."""
        return bool(self.words) and time.monotonic() - self.since > PATIENCE


def _out_of_memory(error: Exception) -> bool:
    """Whether a GPU's memory did not suffice; it is made free for another try."""
    import torch

    if not isinstance(error, torch.OutOfMemoryError):
        return False
    error.__traceback__ = None  # which holds on to what was in memory
    torch.cuda.empty_cache()
    return True


class _Clock:
    """Counts the seconds that an iterator takes, and not those of who asks it.

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


def _over(record: "Record") -> float:
    """The fraction of its trial's epochs that is over."""
    return min(1.0, float(record.epoch["epoch"]) / max(1, record.trial.epochs))


def _seconds(record: "Record") -> float:
    """Of the epoch's training and evaluation."""
    return float(record.epoch["train_seconds"] + record.epoch["evaluation_seconds"])
