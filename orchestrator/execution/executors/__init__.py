"""Executors: what trains work items. A session uses one and knows nothing else of it.

`ray_tune` is the default, on one machine or a cluster. `inline` trains in this process, without
Ray. Another one implements `Executor` and is chosen in `connect`.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from orchestrator.execution.messages import Resources, RunRequest
from orchestrator.execution.monitor import Monitor
from orchestrator.execution.scheduler import WorkScheduler
from orchestrator.execution.stop_signal import StopSignal
from studies.trial import Trial

if TYPE_CHECKING:
    from trainers.datasets import Dataset


@dataclass(frozen=True)
class Round:
    """Work for an executor: it trains until the scheduler has nothing left or the stop is set.

    Attributes:
        trials: in the order in which the scheduler counts them.
        scheduler: hands out work items, and takes the workers' reports on them.
        monitor: takes the same reports, and the reasons why workers died.
        stop: becomes true when the round is to end after the epochs that are running.
    """

    trials: Sequence[Trial]
    scheduler: WorkScheduler
    monitor: Monitor
    stop: StopSignal


@dataclass(frozen=True)
class RoundFailure:
    """Why an executor itself failed; the trials of its round are planned again.

    Attributes:
        traceback: of the error.
        out_of_memory: whether the machine had too little memory for so many workers.
    """

    traceback: str
    out_of_memory: bool = False


class Executor(Protocol):
    """Trains work items.

    Workers write finished trials to the results themselves (`worker.Worker`); what came of a round
    is read there.
    """

    @property
    def resources(self) -> Resources:
        """What the executor trains with."""

    def share(self, data: "Mapping[str, Dataset]") -> None:
        """Give the workers the data sets, by name; called once, before the first round."""

    def alive(self, node: str) -> bool:
        """Whether a node, by its id, is alive."""

    def train(self, work: Round) -> RoundFailure | None:
        """Train a round of work items.

        Returns:
            How the executor itself failed; None where it did not.
        """


def import_ahead(address: str | None) -> None:
    """Begin to import what the executor of a run needs, which takes seconds, in a thread.

    Args:
        address: that of the request to come, see `RunRequest`.
    """
    from orchestrator.execution.executors import ray_tune

    ray_tune.import_ahead(address)


def connect(request: RunRequest) -> AbstractContextManager[Executor]:
    """The executor of a run, as a context that ends what it has started.

    Raises:
        UserError: the cluster cannot be reached, or lacks what is asked for.
    """
    if request.options.executor == "inline":
        from orchestrator.execution.executors import inline

        return inline.connect(request)
    from orchestrator.execution.executors import ray_tune

    return ray_tune.connect(request)
