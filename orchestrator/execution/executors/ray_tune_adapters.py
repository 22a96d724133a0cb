"""What Ray Tune calls: each class hands over to one that knows nothing of Ray.

Importing it imports Ray Tune, which takes a second or two.
"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.execution import class_cache
from ray.tune.search import Searcher

from orchestrator.execution import ray_connection
from orchestrator.execution.executors import ray_memory
from orchestrator.execution.messages import WorkerConfig, WorkerReport, WorkItem
from orchestrator.execution.monitor import Monitor
from orchestrator.execution.pack_training import Inputs
from orchestrator.execution.retries import Fault
from orchestrator.execution.scheduler import WorkScheduler
from orchestrator.execution.stop_signal import StopSignal
from orchestrator.execution.worker import Worker

#: What Ray says of an actor that cannot be reached, though it may be alive.
_OUT_OF_SIGHT = re.compile(r"The actor \S+ is unavailable:")


class WorkerActor(tune.Trainable):
    """A worker as Ray Tune's trainable."""

    def setup(
        self,
        config: dict[str, Any],
        worker_config: WorkerConfig | None = None,
        inputs: Inputs | None = None,
    ) -> None:
        """Make the worker; nothing heavy, since some actors are never used.

        Args:
            config: a `WorkItem`.
            worker_config: always given; Ray Tune's own signature makes it optional.
            inputs: always given, likewise.
        """
        assert worker_config is not None and inputs is not None  # noqa: S101, PT018
        node = ray.get_runtime_context().get_node_id()
        self._worker = Worker(worker_config, inputs, node)
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next work item in the same process."""
        self._worker.take(WorkItem(**new_config))
        return True

    def step(self) -> dict[str, Any]:
        """Train until a report is due; the report, whose `done` ends Ray Tune's trial."""
        return asdict(self._worker.step())

    def cleanup(self) -> None:
        """Write what is finished, and a checkpoint of what is not."""
        self._worker.close()


class ItemSearcher(Searcher):
    """Suggests work items to Ray Tune.

    One long ``grid_search`` would be expanded in quadratic time and held in memory, and could not
    go by how long trials take.

    Args:
        scheduler: hands out the items.
    """

    def __init__(self, scheduler: WorkScheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """Return the next work item; None if none is ready; FINISHED if none will come."""
        item = self._scheduler.next_item(trial_id)
        if item is not None:
            return asdict(item)
        return str(Searcher.FINISHED) if self._scheduler.ended else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass on a worker's report."""
        if report := WorkerReport.from_result(result):
            self._scheduler.note(trial_id, report)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Pass on that a work item has ended; its last report comes here and nowhere else.

        Ray Tune calls this before `Callbacks.on_trial_error`: the death is counted first, and
        explained then.
        """
        if error:
            self._scheduler.lose(trial_id)
        else:
            self._scheduler.end(trial_id, WorkerReport.from_result(result))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray Tune pickles what it is given, so that it could resume; see `save`."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: a run that is resumed is planned anew from its results."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, as `save`."""


class StopWhenRequested(tune.Stopper):
    """Has Ray Tune stop all work items once the run is to end.

    Args:
        stop: true once it is.
    """

    def __init__(self, stop: StopSignal) -> None:
        self._stop = stop

    def __call__(self, trial_id: str, result: dict[str, object]) -> bool:
        """Whether to stop one work item: never one alone."""
        return False

    def stop_all(self) -> bool:
        """Whether to stop all of them."""
        return bool(self._stop)


class Callbacks(tune.Callback):
    """Passes Ray Tune's events on to the monitor.

    Args:
        monitor: of the round.
        scheduler: of the round.
        gpu_fraction: of a GPU that each worker needs beside its CPU; None for a Ray of this run
            alone, where it lacks nothing.
    """

    def __init__(
        self, monitor: Monitor, scheduler: WorkScheduler, gpu_fraction: float | None
    ) -> None:
        self._monitor, self._scheduler, self._gpu_fraction = monitor, scheduler, gpu_fraction

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """Open the progress bar."""
        self._monitor.open()

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Ray Tune has waited for an event, or had one."""
        fraction = self._gpu_fraction
        if fraction is not None:
            self._monitor.note_workers(_running(trials), lambda: ray_connection.shortage(fraction))

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A work item starts."""
        self._monitor.show(_running(trials))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A worker reports."""
        if report := WorkerReport.from_result(result):
            self._monitor.note(trial.trial_id, report)
        self._monitor.show(_running(trials))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A worker died; `ItemSearcher.on_trial_complete` has taken back its work item."""
        reason, alone = _reason(trial), self._scheduler.in_hand == 0
        if ray_memory.ran_out(reason) and not alone:
            self._scheduler.use_fewer_workers()
        self._monitor.worker_died(trial.trial_id, reason, lambda pid: _fault(reason, pid, alone))
        self._monitor.show(_running(trials))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing; see `ItemSearcher.__getstate__`."""
        return {}


def use_prestarted_workers() -> None:
    """Have Ray Tune start its actors in workers of Ray that have been started ahead.

    Ray Tune gives each actor environment variables of its own, so each would need a new process. On
    this machine actors inherit all variables from the run anyway.
    """

    def get(self: Any, trainable: type) -> Any:
        if trainable not in self._cache:
            self._cache[trainable] = ray.remote(trainable)
        return self._cache[trainable]

    class_cache._ActorClassCache.get = get  # type: ignore[method-assign]


def _reason(trial: Any) -> str:
    """What Ray says of a worker's death (its own method looks where the file is not yet)."""
    try:
        return Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    except (OSError, TypeError):  # nothing was written
        return "a worker died"


def _fault(reason: str, pid: int, alone: bool) -> Fault:
    """Whose fault the death of a worker is, by what Ray says of it.

    Args:
        reason: what Ray says.
        pid: the worker's process id.
        alone: whether the run had no other worker.
    """
    if _OUT_OF_SIGHT.search(reason):
        return Fault.NETWORK
    if ray_memory.ran_out(reason) and not ray_memory.to_blame(reason, pid, alone):
        return Fault.OTHERS
    return Fault.TRIAL


def _running(trials: list[Any]) -> int:
    return sum(trial.status == "RUNNING" for trial in trials)
