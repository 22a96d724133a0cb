"""Hands out one work item after another, and takes back what a worker has not done."""

from collections.abc import Collection, Sequence

from orchestrator.execution.heartbeat import SessionHeartbeat
from orchestrator.execution.messages import WorkerReport, WorkItem
from orchestrator.execution.retries import Retries
from orchestrator.execution.throughput import Throughput
from orchestrator.execution.work_queue import WorkQueue
from studies.trial import Trial

#: Work items in a row whose workers may die before they report at all; more is no coincidence.
_SILENT = 10


class WorkScheduler:
    """Hands out work items as long as there are trials left.

    An executor asks for items under names of its own, passes on the workers' reports, and says how
    each item ended.

    Args:
        trials: the trials of the run, in the order in which they are handed out.
        queue: cuts them into work items.
        heartbeat: tells other runs of the study what this one has in hand, and the reverse.
        retries: decides whether a trial whose worker died is tried again.

    Attributes:
        handed_out: ids of the trials of all work items so far.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        queue: WorkQueue,
        heartbeat: SessionHeartbeat,
        retries: Retries,
    ) -> None:
        self._trials, self._queue = trials, queue
        self._heartbeat, self._retries = heartbeat, retries
        self._items: dict[str, WorkItem] = {}
        self._reports: dict[str, WorkerReport] = {}
        self._silent, self._throughput = 0, Throughput()
        self.handed_out = set[str]()

    @property
    def ended(self) -> bool:
        """Whether no work item is in training and none will come."""
        return self._queue.ended

    def next_item(self, name: str) -> WorkItem | None:
        """Return the next work item; None if there is none now (see `ended`).

        Args:
            name: what the executor calls it from now on.
        """
        elsewhere = self._heartbeat.elsewhere
        item = self._queue.take(lambda index: self._trials[index].trial_id in elsewhere)
        if item is not None:
            ids = self._ids(item.start, item.stop)
            self._heartbeat.claim(ids)
            self.handed_out.update(ids)
            self._items[name] = item
        return item

    def note(self, name: str, report: WorkerReport) -> None:
        """Take a worker's report on a work item."""
        self._reports[name] = report
        self._silent = 0
        self._throughput.note(name, report)
        self._update_heartbeat()

    def end(self, name: str, last: WorkerReport | None) -> None:
        """Take back what a worker has not begun of a work item.

        Args:
            name: of the item.
            last: the report with which the worker came to the item's end.
        """
        if last is None or not last.done:
            self.lose(name)
            return
        item = self._items.pop(name)
        self._reports.pop(name, None)
        self._throughput.note(name, last)
        self._throughput.drop(name)
        self._queue.give_back(item, last.at, last.busy)
        self._heartbeat.release(self._ids(last.at, item.stop))
        self._update_heartbeat()

    def lose(self, name: str) -> None:
        """Take back a work item whose worker died, and decide about what it was training."""
        item, report = self._items.pop(name), self._reports.pop(name, None)
        self._throughput.drop(name)
        last = report or WorkerReport(at=item.start, until=item.stop, first_unwritten=item.start)
        suspect = self._queue.lose(item, last.first_unwritten, last.at, last.until)
        if suspect is not None and self._retries.count_death(name, self._trials[suspect], report):
            self._queue.retry(suspect)
        self._silent += report is None
        if self._silent > _SILENT:
            self._queue.clear()
        self._heartbeat.release(self._ids(item.start, item.stop))
        self._update_heartbeat()

    def item_of(self, pid: int, nodes: Collection[str]) -> str | None:
        """The name of the work item of the worker with a process id on one of some nodes."""
        for name, report in self._reports.items():
            if report.pid == pid and report.node in nodes:
                return name
        return None

    def blame(self, name: str) -> None:
        """Count the trial in training of a work item as failed: its worker was killed for it."""
        report = self._reports[name]
        self._retries.count_death(name, self._trials[report.at], report)

    def _update_heartbeat(self) -> None:
        reports = self._reports.values()
        training = [i for report in reports for i in self._ids(report.at, report.until)]
        self._heartbeat.update(training, self._throughput.rate())

    def _ids(self, start: int, stop: int) -> list[str]:
        return [trial.trial_id for trial in self._trials[start:stop]]
