"""The executor without Ray: one worker that trains in this process, on one device.

It serves a debugger, a machine without Ray, and a task of another scheduler that joins a study.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.execution import code_upload
from orchestrator.execution.executors import Round
from orchestrator.execution.messages import RunRequest, WorkerConfig
from orchestrator.execution.worker import Worker
from studies.trial import Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset


@contextlib.contextmanager
def connect(request: RunRequest) -> Iterator["InlineExecutor"]:
    """Yield the executor of a run on this machine."""
    yield InlineExecutor(request)


class InlineExecutor:
    """Trains one work item after another; see `Executor`. It is its worker's `Inputs`, too.

    Args:
        request: of the session; its resources are those of this machine.
    """

    def __init__(self, request: RunRequest) -> None:
        assert request.resources is not None  # noqa: S101  (a cluster has Ray)
        self.resources = request.resources
        self._config = WorkerConfig.of(request, request.resources, code_upload.commit())
        self._trials: Sequence[Trial] = ()
        self._datasets: Mapping[str, Dataset] = {}

    def share(self, data: "Mapping[str, Dataset]") -> None:
        """Keep the data sets for the worker."""
        self._datasets = data

    @staticmethod
    def alive(node: str) -> bool:
        """Whether a node is alive: the worker is this process."""
        return True

    def trial(self, index: int) -> Trial:
        """A trial by its index in the round."""
        return self._trials[index]

    def dataset(self, name: str) -> "Dataset":
        """A data set by its name."""
        return self._datasets[name]

    def train(self, work: Round) -> None:
        """Train a round of work items; an error of the executor itself is not caught."""
        self._trials = work.trials
        worker = Worker(self._config, self)
        work.monitor.open()
        number = 0
        try:
            while not work.stop and (item := work.scheduler.next_item(str(number))) is not None:
                worker.take(item)
                self._train_item(worker, work, str(number))
                number += 1
        finally:
            worker.close()

    @staticmethod
    def _train_item(worker: Worker, work: Round, name: str) -> None:
        """Train until the work item is over or the run is to end."""
        while not work.stop:
            report = worker.step()
            tell = work.scheduler.end if report.done else work.scheduler.note
            tell(name, report)
            work.monitor.note(name, report)
            work.monitor.show(1)
            if report.done:
                return
