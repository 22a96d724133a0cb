"""Hands out one work item after another, and takes back what a worker has not done."""

import platform
from collections.abc import Callable, Collection, Sequence

from orchestrator.execution.heartbeat import SessionHeartbeat
from orchestrator.execution.memory_kills import MemoryKills
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
        throughput: of these trials; it is kept up to date here.
        memory_kills: of this machine.
        note_shortage: is told for how many workers memory suffices, whenever that has fallen.

    Attributes:
        handed_out: ids of the trials of all work items so far.
        suspects: ids of trials of which one exceeded the memory.
        in_hand_at_most: items that memory suffices for; None as long as it has not run out.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        queue: WorkQueue,
        heartbeat: SessionHeartbeat,
        retries: Retries,
        throughput: Throughput,
        memory_kills: MemoryKills,
        note_shortage: Callable[[int], None],
    ) -> None:
        self._trials, self._queue = trials, queue
        self._heartbeat, self._retries, self._throughput = heartbeat, retries, throughput
        self._memory_kills, self._note_shortage = memory_kills, note_shortage
        self._items: dict[str, WorkItem] = {}
        self._reports: dict[str, WorkerReport] = {}
        self._silent = 0
        self.handed_out, self.suspects = set[str](), set[str]()
        self.in_hand_at_most: int | None = None

    @property
    def in_hand(self) -> int:
        """Work items that are handed out and have not ended."""
        return len(self._items)

    @property
    def ended(self) -> bool:
        """Whether no work item is in training and none will come."""
        return self._queue.ended

    def next_item(self, name: str) -> WorkItem | None:
        """Return the next work item; None if there is none now (see `ended`).

        Args:
            name: what the executor calls it from now on.
        """
        if self.in_hand_at_most is not None and self.in_hand >= self.in_hand_at_most:
            return None
        elsewhere = self._heartbeat.elsewhere
        item = self._queue.take(lambda index: self._trials[index].trial_id in elsewhere)
        if item is not None:
            ids = self._ids(item.start, item.stop)
            self._heartbeat.claim(ids)
            self.handed_out.update(ids)
            self._items[name] = item
        return item

    def note(self, name: str, report: WorkerReport) -> None:
        """Take a worker's report on a work item.

        A worker whose time for the item is over begins no further trial of it. They are free at
        once: the one in training may take hours.
        """
        self._reports[name] = report
        item = self._items[name]
        if report.busy > item.seconds and report.until < item.stop:
            self._items[name] = self._queue.shorten(item, report.until)
            self._heartbeat.release(self._ids(report.until, item.stop))
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
        self._throughput.end(name)
        self._queue.give_back(item, last.at, last.busy)
        self._heartbeat.release(self._ids(last.at, item.stop))
        self._update_heartbeat()

    def lose(self, name: str) -> None:
        """Take back a work item whose worker died, and decide about what it was training.

        Where the kernel killed it because several workers together had too little memory, that is
        no fault of its trial, and one worker fewer is used from then on.
        """
        shared_too_little = self._killed_for_memory(name) and self.in_hand > 1
        item, report = self._items.pop(name), self._reports.pop(name, None)
        self._throughput.lose(name)
        last = report or WorkerReport(at=item.start, until=item.stop, first_unwritten=item.start)
        suspect = self._queue.lose(item, last.first_unwritten, last.at, last.until)
        if shared_too_little:
            self.use_fewer_workers()
        if suspect is not None and (
            shared_too_little or self._retries.count_death(name, self._trials[suspect], report)
        ):
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
        """Count as failed the trial for which a work item's worker was killed.

        Where that is uncertain, because several are trained side by side, or the worker may have
        begun another one since its last report, all that it may have been become suspects.
        """
        item, report = self._items[name], self._reports[name]
        if report.at + 1 == item.stop:
            self._retries.count_death(name, self._trials[report.at], report)
        else:
            self.suspects.update(self._ids(report.at, item.stop))

    def use_fewer_workers(self) -> None:
        """Have no more work items in hand than now, because memory ran out."""
        self.in_hand_at_most = max(1, self.in_hand)
        self._note_shortage(self.in_hand_at_most)

    def _killed_for_memory(self, name: str) -> bool:
        report = self._reports.get(name)
        here = report is None or report.host == platform.node()
        return here and self._memory_kills.explain_death()

    def _update_heartbeat(self) -> None:
        reports = self._reports.values()
        training = [i for report in reports for i in self._ids(report.at, report.until)]
        self._heartbeat.update(training, self._throughput.rate())

    def _ids(self, start: int, stop: int) -> list[str]:
        return [trial.trial_id for trial in self._trials[start:stop]]
