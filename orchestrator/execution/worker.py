"""The worker: trains work items one after another and writes the results itself."""

import contextlib
import os
import platform
import time
from collections import Counter
from collections.abc import Container, Generator, Sequence
from dataclasses import dataclass

from orchestrator.execution.messages import LoggedEpoch, WorkerConfig, WorkerReport, WorkItem
from orchestrator.execution.pack_training import EpochEnd, Inputs, PackTrainer
from studies.errors import UserError
from studies.store.writer import Writer
from studies.trial import Trial

#: Seconds between two reports; longer if an epoch takes longer.
_REPORT = 1.0
#: Seconds for which a worker that cannot write its results waits for room.
PATIENCE = 120.0


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
        self._trainer = PackTrainer(config, inputs, self._writer)
        self._trouble = _Trouble()
        self._training = _no_training()

    def take(self, item: WorkItem) -> None:
        """Take the next work item; the one before has come to its end."""
        self._item = item
        self._at = self._until = self._first_unwritten = item.start
        self._began, self._announced, self._ended = time.monotonic(), list[Trial](), False
        self._retrained, self._of_pack = Counter[str](), Counter[str]()
        self._fraction = 0.0
        self._training = self._train_item()

    def step(self) -> WorkerReport:
        """Train until a report is due, and return it.

        The first step of an item trains nothing: it reports what comes next, in case that kills
        the worker.
        """
        if not self._announced:
            self._announced = self._next_pack()
            self._until = self._at + len(self._announced)
            return self._report()
        if self._trouble.reason:
            time.sleep(_REPORT)
        finished, failed, logged = 0, 0, list[LoggedEpoch]()
        until = time.monotonic() + _REPORT
        while not self._ended and not self._trouble.reason and time.monotonic() < until:
            epoch_end = next(self._training, None)
            if epoch_end is None:
                self._ended = True
            else:
                finished, failed = finished + epoch_end.finished, failed + epoch_end.failed
                ended = {"finished": epoch_end.finished, "failed": epoch_end.failed}
                self._retrained.update(ended)
                self._of_pack.update(ended)
                self._fraction = epoch_end.fraction
                logged += [epoch_end.logged] if epoch_end.logged else []
        self._write()
        return self._report(finished, failed, logged)

    def close(self) -> None:
        """Write what is finished, and a checkpoint of what is not: the run is stopped."""
        self._training.close()
        with contextlib.suppress(OSError):  # reported before; those trials run again
            self._writer.flush()
        self._delete_checkpoints()

    def _report(
        self, finished: int = 0, failed: int = 0, logged: Sequence[LoggedEpoch] = ()
    ) -> WorkerReport:
        hopeless = self._trouble.hopeless
        return WorkerReport(
            finished=finished,
            failed=failed,
            at=self._at,
            until=self._until,
            first_unwritten=self._first_unwritten,
            retrained_finished=self._retrained["finished"],
            retrained_failed=self._retrained["failed"],
            fraction=self._fraction,
            trouble=self._trouble.reason,
            hopeless=hopeless,
            done=hopeless or (self._ended and self._writer.empty),
            busy=time.monotonic() - self._began,
            node=self._node,
            host=platform.node(),
            pid=os.getpid(),
            logged=tuple(logged),
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
            self._first_unwritten = self._at
            # Were the worker to die, the pack in training would be trained again as a whole.
            self._retrained = self._of_pack.copy()
        self._delete_checkpoints()

    def _delete_checkpoints(self) -> None:
        """Delete the checkpoints of trials whose rows are written."""
        keys = self._trainer.checkpoint_keys
        while keys and self._writer.empty:
            self._config.store.checkpoints.delete(keys.pop())

    def _train_item(self) -> Generator[EpochEnd]:
        """Train the work item; after each epoch yield what has just ended."""
        from trainers import runtime

        options = self._config.options
        runtime.settle(tf32=options.tf32)
        checkpoints: Container[str] = ()
        if options.checkpoint_seconds:
            with contextlib.suppress(UserError):  # they cannot be listed just now: go without
                checkpoints = self._config.store.checkpoints.keys()
        pack = self._announced  # measured again, it could be another one
        while pack:
            self._until = self._at + len(pack)
            yield from self._trainer.train(pack, checkpoints)
            self._at += len(pack)
            self._of_pack.clear()
            self._fraction = 0.0
            if time.monotonic() - self._began > self._item.seconds:
                return
            pack = self._next_pack() if self._at < self._item.stop else []

    def _next_pack(self) -> list[Trial]:
        """The next trials to train in lock-step; on a CPU that is one."""
        first = self._inputs.trial(self._at)
        resources = self._config.resources
        if not resources.lock_step:
            return [first]
        from trainers import pack_key, pack_size

        pack, key = [first], pack_key.pack_key(first)
        for index in range(self._at + 1, min(self._item.stop, self._at + pack_key.MOST)):
            trial = self._inputs.trial(index)
            if pack_key.pack_key(trial) != key:
                break
            pack.append(trial)
        try:
            data = self._trainer.dataset(first.dataset)
            most = pack_size.fitting(pack, data, resources.device, resources.gpu_fraction)
        except Exception:  # whatever it is, training the trial meets it too, and records it
            most = 1
        return pack[:most]


def _no_training() -> Generator[EpochEnd]:
    """The training of a worker that has not taken an item."""
    yield from ()


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
