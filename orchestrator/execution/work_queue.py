"""Cuts the trials of a run into work items, sized by how long trials turn out to take."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from orchestrator.execution.messages import WorkItem

#: Seconds of work in an item: enough that scheduling one (some 50 ms) costs little beside it.
_SECONDS = 20.0
#: Seconds of the first items, which show how long a trial takes.
_FIRST = 2.0


class WorkQueue:
    """Hands out work items, smaller ones towards the end, so that all workers end together.

    Args:
        total: how many trials there are.
        workers: how many items are in training at a time, in all runs that share the trials.
        least: the fewest trials in an item, while so many are left.
        alone: how many of the first trials get an item of their own, because they failed before.
    """

    def __init__(self, total: int, workers: int, least: int = 1, alone: int = 0) -> None:
        self._stretches = deque((index, index + 1) for index in range(alone))
        if total > alone:
            self._stretches.append((alone, total))
        self._left, self._workers, self._least = total, workers, least
        self._in_training = 0
        #: Trials and seconds of the items that came back, older ones with less weight.
        self._trials = self._seconds = 0.0

    @property
    def ended(self) -> bool:
        """Whether all items have come back and nothing is left."""
        return not self._stretches and not self._in_training

    def take(self, skip: Callable[[int], bool] = lambda index: False) -> WorkItem | None:
        """Return the next work item; None if there is none, though one may still be given back.

        Args:
            skip: whether to pass over a trial, by its index, because another run has it.
        """
        while self._stretches:
            start, stop = self._stretches.popleft()
            first = next((i for i in range(start, stop) if not skip(i)), stop)
            self._left -= first - start
            if first < stop:
                return self._cut(first, stop, skip)
        return None

    def _cut(self, start: int, stop: int, skip: Callable[[int], bool]) -> WorkItem:
        """An item from the start of a stretch; the rest stays first in the queue."""
        seconds, size = self._size()
        end = next((i for i in range(start + 1, min(stop, start + size)) if skip(i)), None)
        item = WorkItem(start, end or min(stop, start + size), seconds)
        if item.stop < stop:
            self._stretches.appendleft((item.stop, stop))
        self._left -= item.stop - item.start
        self._in_training += 1
        return item

    def shorten(self, item: WorkItem, stop: int) -> WorkItem:
        """Take back the end of an item while its worker trains the rest.

        Args:
            item: the item.
            stop: index of the first trial that the worker will not come to.

        Returns:
            What is left of the item.
        """
        self._put_first(stop, item.stop)
        return replace(item, stop=stop)

    def give_back(self, item: WorkItem, at: int, seconds: float) -> None:
        """Take back what a worker has not begun of an item.

        Args:
            item: the item.
            at: index of the first trial that was not begun.
            seconds: that the worker took for the others.
        """
        self._in_training -= 1
        self._trials = self._trials / 2 + (at - item.start)
        self._seconds = self._seconds / 2 + seconds
        self._put_first(at, item.stop)

    def lose(self, item: WorkItem, first_unwritten: int, at: int, until: int) -> int | None:
        """Take back an item whose worker died; its trials that are not written come next.

        Trials that were trained side by side come back in halves, so that the one that killed the
        worker, if one did, is alone in the end.

        Args:
            item: the item.
            first_unwritten: index of the first trial whose rows are perhaps not written.
            at: index of the first trial in training; those before it had come to their end.
            until: index after the last trial in training.

        Returns:
            The trial in training if it was the item's last: the caller decides whether it comes
            back, by `retry`. Otherwise the trial comes back alone, because the worker may already
            have been at the next one; it counts as the cause only if it kills a worker again.
        """
        self._in_training -= 1
        middle = (at + until) // 2
        halves = [(at, middle), (middle, until)]
        suspect = at if at + 1 == item.stop else None
        if suspect is not None:
            halves = []
        for start, stop in reversed([*halves, (first_unwritten, at), (until, item.stop)]):
            self._put_first(start, stop)
        return suspect

    def retry(self, index: int) -> None:
        """Try a trial whose worker died once more, before all others."""
        self._put_first(index, index + 1)

    def clear(self) -> None:
        """Hand out nothing more."""
        self._stretches.clear()
        self._left = 0

    def _put_first(self, start: int, stop: int) -> None:
        if start < stop:
            self._stretches.appendleft((start, stop))
            self._left += stop - start

    def _size(self) -> tuple[float, int]:
        """Seconds and number of trials of the next item."""
        even = math.ceil(self._left / (2 * self._workers))
        if not self._trials:
            return _FIRST, max(even, self._least)
        each = self._seconds / self._trials
        seconds = min(_SECONDS, each * even)
        return seconds, max(self._least, math.ceil(seconds / each) if each else even)
