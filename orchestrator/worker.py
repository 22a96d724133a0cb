"""The worker: a Ray Tune Trainable that trains packs and writes the results itself."""

import contextlib
import hashlib
import platform
import time
import traceback
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from orchestrator.plan import lock_step
from studies.errors import UserError
from studies.store import Store
from studies.trial import Trial
from studies.writer import Writer

if TYPE_CHECKING:
    from trainers.datasets import Dataset
    from trainers.recording import Record

#: Seconds between two reports to the driver, as far as epochs are shorter than that.
_REPORT = 0.5
_IDLE: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Job:
    """What the driver hands to every worker of a run.

    Attributes:
        store: the study's results (a worker has a working directory of its own, so a relative
            path would not do).
        packs: all packs of the run.
        data: a reference to each data set, shared by the workers of a node.
        device: as torch names it.
        checkpoint_seconds: of training after which a trial leaves a checkpoint; 0 for none.
        commit: of this project's checkout, if it is one.
    """

    store: Store
    packs: Sequence[Sequence[Trial]]
    data: Mapping[str, "ray.ObjectRef[Dataset]"]
    device: str
    checkpoint_seconds: float
    commit: str | None


class _Keeper:
    """Keeps the checkpoint of a group of trials with the study's results.

    Checkpoints are a convenience: where one cannot be read or written, the trials go on without.

    Attributes:
        key: the checkpoint's name.
        continued_from: the epoch of the checkpoint that the trials go on from, or None.
        used: whether there may be a checkpoint.
    """

    continued_from: int | None = None
    used: bool = False

    def __init__(self, store: Store, group: Sequence[Trial], seconds: float) -> None:
        ids = ",".join(trial.trial_id for trial in group)
        self.key = ids if len(group) == 1 else hashlib.sha256(ids.encode()).hexdigest()[:12]
        self._store, self._seconds, self._last = store, seconds, time.monotonic()

    def load(self) -> bytes | None:
        """The checkpoint's bytes."""
        try:
            content = self._store.load_checkpoint(self.key)
        except UserError:  # the results cannot be listed just now
            return None
        self.used = content is not None
        return content

    def save(self, content: bytes) -> None:
        """Replace the checkpoint."""
        self.used = True
        with contextlib.suppress(OSError, UserError):
            self._store.save_checkpoint(self.key, content)
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether the last one is old enough."""
        return time.monotonic() - self._last > self._seconds


class Worker(tune.Trainable):
    """Trains one pack after another in one process.

    A step lasts until a report is due; it ends between two epochs, so that a study can be stopped
    without waiting for a trial. Finished trials are written by then or when the worker is stopped.
    """

    def setup(self, config: dict[str, Any], job: Job | None = None) -> None:
        """Keep what comes from the driver; nothing heavy, since some actors are never used.

        Args:
            config: ``{"pack": index}``.
            job: always given; Ray Tune's own signature makes it optional.
        """
        assert job is not None  # noqa: S101
        self._job = job
        self._writer = Writer(job.store)
        self._kept: list[str] = []
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next pack in the same process."""
        self._progress = self._train(self._job.packs[new_config["pack"]])
        return True

    def step(self) -> dict[str, Any]:
        """Train for a moment.

        Returns:
            How many trials were finished and how many failed; ``done`` at the pack's end.
        """
        finished = failed = 0
        until = time.monotonic() + _REPORT
        for done, lost in self._progress:
            finished, failed = finished + done, failed + lost
            if time.monotonic() > until:
                self._writer.flush_if_due()
                self._drop_checkpoints()
                return {"finished": finished, "failed": failed, "done": False}
        self._writer.flush()
        self._drop_checkpoints()
        return {"finished": finished, "failed": failed, "done": True}

    def cleanup(self) -> None:
        """Write what is finished, and a checkpoint of what is not, when the study is stopped."""
        self._progress.close()
        self._writer.flush()
        self._drop_checkpoints()

    def _drop_checkpoints(self) -> None:
        """Delete the checkpoints of trials whose rows are written."""
        while self._kept and self._writer.empty:
            self._job.store.drop_checkpoint(self._kept.pop())

    def _train(self, pack: Sequence[Trial]) -> Generator[tuple[int, int]]:
        """Train a pack; after each epoch yield how many trials have just finished and failed."""
        from trainers import runtime
        from trainers.loop import train

        runtime.settle()
        for group in lock_step(pack, self._job.device):
            left = {trial.trial_id: trial for trial in group}
            attempts = {trial.trial_id: self._writer.attempt() for trial in group}
            rows: dict[str, list[Record]] = {trial_id: [] for trial_id in left}
            keeper = _Keeper(self._job.store, group, self._job.checkpoint_seconds)
            data = ray.get(self._job.data[group[0].dataset])
            wanted = keeper if self._job.checkpoint_seconds else None
            try:
                with contextlib.closing(train(group, data, self._job.device, wanted)) as records:
                    for record in records:
                        trial_id = record.trial.trial_id
                        rows[trial_id].append(record)
                        if record.final:
                            about: dict[str, Any] = {"continued_from": keeper.continued_from}
                            about |= {"attempt": attempts[trial_id], "pack_size": len(group)}
                            self._finish(rows.pop(trial_id), about)
                            del left[trial_id]
                        yield (1, 0) if record.final else _IDLE
                if keeper.used:
                    self._kept.append(keeper.key)
            except Exception as error:  # whatever a trial dies of, the others go on
                for trial_id, trial in left.items():
                    reason = f"{type(error).__name__}: {error}".splitlines()[0]
                    text = f"{trial.canonical}\n\n{traceback.format_exc()}"
                    self._writer.fail(trial, attempts[trial_id], platform.node(), reason, text)
                yield (0, len(left))

    def _finish(self, records: Sequence["Record"], about: dict[str, Any]) -> None:
        """Hand a trial's rows to the writer; ``about`` is the attempt and what is known of it."""
        from trainers import runtime

        last = records[-1]
        assert last.final is not None  # noqa: S101  (the caller's condition)
        provenance = {
            "seconds": sum(map(_seconds, records)) / about["pack_size"],
            "host": platform.node(),
            "device": self._job.device,
            "threads": runtime.threads(),
            "versions": runtime.versions(),
            "commit": self._job.commit,
        } | about
        epochs = [record.epoch for record in records]
        layers = [row for record in records for row in record.layers]
        row = {**last.final, **provenance}
        self._writer.add(last.trial, row.pop("attempt"), row, epochs, layers)


def _seconds(record: "Record") -> float:
    """Of the epoch's training and evaluation."""
    return float(record.epoch["train_seconds"] + record.epoch["evaluation_seconds"])
