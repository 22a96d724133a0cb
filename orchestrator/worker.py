"""The worker: a Ray Tune Trainable that trains packs and writes the results itself."""

import platform
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ray
from ray import tune

from orchestrator.plan import lock_step
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
        commit: of this project's checkout, if it is one.
    """

    store: Store
    packs: Sequence[Sequence[Trial]]
    data: Mapping[str, "ray.ObjectRef[Dataset]"]
    device: str
    commit: str | None


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
                return {"finished": finished, "failed": failed, "done": False}
        self._writer.flush()
        return {"finished": finished, "failed": failed, "done": True}

    def cleanup(self) -> None:
        """Write what is finished when the study is stopped."""
        self._writer.flush()

    def _train(self, pack: Sequence[Trial]) -> Iterator[tuple[int, int]]:
        """Train a pack; after each epoch yield how many trials have just finished and failed."""
        from trainers import runtime
        from trainers.loop import train

        runtime.settle()
        for group in lock_step(pack, self._job.device):
            left = {trial.trial_id: trial for trial in group}
            attempts = {trial.trial_id: self._writer.attempt() for trial in group}
            rows: dict[str, list[Record]] = {trial_id: [] for trial_id in left}
            started = time.perf_counter()
            try:
                for record in train(
                    group, ray.get(self._job.data[group[0].dataset]), self._job.device
                ):
                    trial_id = record.trial.trial_id
                    rows[trial_id].append(record)
                    if record.final:
                        seconds = (time.perf_counter() - started) / len(group)
                        self._finish(rows.pop(trial_id), attempts[trial_id], seconds, len(group))
                        del left[trial_id]
                    yield (1, 0) if record.final else _IDLE
            except Exception as error:  # whatever a trial dies of, the others go on
                for trial_id, trial in left.items():
                    reason = f"{type(error).__name__}: {error}".splitlines()[0]
                    text = f"{trial.canonical}\n\n{traceback.format_exc()}"
                    self._writer.fail(trial, attempts[trial_id], platform.node(), reason, text)
                yield (0, len(left))

    def _finish(
        self, records: Sequence["Record"], attempt: str, seconds: float, pack_size: int
    ) -> None:
        from trainers import runtime

        last = records[-1]
        assert last.final is not None  # noqa: S101  (the caller's condition)
        provenance = {
            "seconds": seconds,
            "host": platform.node(),
            "device": self._job.device,
            "threads": runtime.threads(),
            "pack_size": pack_size,
            "versions": runtime.versions(),
            "commit": self._job.commit,
        }
        epochs = [record.epoch for record in records]
        layers = [row for record in records for row in record.layers]
        self._writer.add(last.trial, attempt, {**last.final, **provenance}, epochs, layers)
