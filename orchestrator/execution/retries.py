"""Counts the deaths of workers against their trials within a round, and records these failures.

A Python error in a trial is recorded by the worker. Between two rounds `session` compares all
failures with the retries allowed.
"""

import contextlib
import platform
import secrets
from collections import Counter
from collections.abc import Callable, Mapping

from orchestrator.execution.messages import WorkerReport
from studies.store import Store
from studies.store.writer import Writer
from studies.trial import Trial

#: Nodes that may die, or be lost sight of, under one trial before it is suspected.
_NODES = 10


class Retries:
    """Counts how often each trial has failed, and compares that with the retries allowed.

    A worker that dies with its node, or that the network hides, is not its trial's fault and does
    not count, unless that happens to one trial again and again.

    Args:
        store: the study's results, whose table of failures is written to.
        failures: how often each trial has failed in this run, by its id.
        retries: how often a trial that failed is tried again.
        alive: whether a node, by its id, is alive.
    """

    def __init__(
        self,
        store: Store,
        failures: Mapping[str, int],
        retries: int,
        alive: Callable[[str], bool],
    ) -> None:
        self._store, self._retries, self._alive = store, retries, alive
        self._failures, self._with_node = Counter(failures), Counter[str]()
        #: By work item the trial that failed, until the reason is known.
        self._unexplained: dict[str, tuple[Trial, WorkerReport]] = {}

    def count_death(self, item: str, trial: Trial, report: WorkerReport | None) -> bool:
        """Count a worker's death against its trial; return whether to try the trial once more.

        `explain` records the failure, once its reason is known.

        Args:
            item: the name of the work item.
            trial: what the worker was training.
            report: its last report, if there was one.
        """
        if report is None:
            return True
        if not self._alive(report.node):
            self._with_node[trial.trial_id] += 1
            if self._with_node[trial.trial_id] <= _NODES:
                return True
        self._failures[trial.trial_id] += 1
        self._unexplained[item] = (trial, report)
        return self._failures[trial.trial_id] <= self._retries

    def explain(
        self,
        item: str,
        reason: str,
        is_to_blame: Callable[[int], bool] = lambda pid: True,
        *,
        out_of_sight: bool = False,
    ) -> bool:
        """Record the failure of a work item's trial, now that its reason is known.

        Args:
            item: the name of the work item.
            reason: why its worker died.
            is_to_blame: whether a worker, by its process id, caused it; if not, the failure does
                not count after all.
            out_of_sight: whether the network was the reason, and the worker may be alive. That
                does not count, as the death of a node. If the trial was given up in this round, it
                comes again in the next.

        Returns:
            Whether there was one: the worker trained a single trial, did not die with its node, was
            not only out of sight and is to blame.
        """
        if item not in self._unexplained:
            return False
        trial, report = self._unexplained.pop(item)
        if out_of_sight:
            self._with_node[trial.trial_id] += 1
        is_hidden = out_of_sight and self._with_node[trial.trial_id] <= _NODES
        if is_hidden or not is_to_blame(report.pid):
            self._failures[trial.trial_id] -= 1
            return False
        error = f"the worker that trained it (process {report.pid} on {report.host}) died"
        with contextlib.suppress(OSError):  # this round's count holds all the same
            writer = Writer(self._store)
            attempt = f"{secrets.token_hex(6)}-1"
            text = f"{trial.canonical}\n\n{error}:\n{reason}"
            writer.fail(trial, attempt, platform.node(), error, text)
            writer.flush()
        return True
