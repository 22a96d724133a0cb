"""Counts the deaths of workers against their trials within a round, and records these failures.

A Python error in a trial is recorded by the worker. Between two rounds `session` compares all
failures with the retries allowed.
"""

import contextlib
import platform
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum

from orchestrator.execution.messages import WorkerReport
from studies.store import Store
from studies.store.writer import Writer
from studies.trial import Trial

#: Nodes that may die, or be lost sight of, under one trial before it is suspected.
_NODES = 10


class Fault(Enum):
    """Whose fault the death of a worker is.

    Attributes:
        TRIAL: that of the trial that it trained.
        NETWORK: the network hides the worker, which may be alive.
        OTHERS: memory ran out, and other workers held as much of it.
    """

    TRIAL = "trial"
    NETWORK = "network"
    OTHERS = "others"


def of_its_trial(pid: int) -> Fault:
    """The fault where nothing else is known."""
    return Fault.TRIAL


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
        #: How often each trial has failed, and how often it lost its worker and was spared.
        self._failures, self._spared = Counter(failures), Counter[str]()
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
        if not self._alive(report.node) and self._spares(trial):
            return True
        self._failures[trial.trial_id] += 1
        self._unexplained[item] = (trial, report)
        return self._failures[trial.trial_id] <= self._retries

    def explain(
        self,
        item: str,
        reason: str,
        fault: Callable[[int], Fault] = of_its_trial,
    ) -> bool:
        """Record the failure of a work item's trial, now that its reason is known.

        Args:
            item: the name of the work item.
            reason: why its worker died.
            fault: returns whose fault it was, given the worker's process id. If not the trial's,
                the failure does not count after all (where the network is the reason, as with the
                death of a node, unless that happens again and again). If the trial was given up in
                this round, it comes again in the next.

        Returns:
            Whether there was one: the worker trained a single trial, did not die with its node, and
            the trial is to blame.
        """
        if item not in self._unexplained:
            return False
        trial, report = self._unexplained.pop(item)
        whose = fault(report.pid)
        if whose is Fault.OTHERS or (whose is Fault.NETWORK and self._spares(trial)):
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

    def _spares(self, trial: Trial) -> bool:
        """Count a worker that was lost without a fault; return whether to believe that it was."""
        self._spared[trial.trial_id] += 1
        return self._spared[trial.trial_id] <= _NODES
