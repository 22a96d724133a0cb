"""Runs a study on a local Ray: plan, train, look at the results, and again until all is there."""

import logging
import math
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import plan
from orchestrator.prepare import Reading
from orchestrator.shares import Shares
from studies.results import Finished, failed, finished
from studies.store import Store
from studies.study import Study
from studies.trial import Trial

if TYPE_CHECKING:
    from orchestrator.interrupts import Interrupts
    from trainers.datasets import Dataset, Place


#: Rounds in a row that may lose a worker and finish nothing; a trial that is continued from its
#: checkpoint makes progress even so.
_IDLE_ROUNDS = 5


@dataclass(frozen=True)
class Resources:
    """What a run may use.

    Attributes:
        workers: processes that train, each with one thread.
        device: ``cpu`` or ``cuda``.
        gpus: that the workers share; 0 on a CPU.
        gpu_fraction: of a GPU that each worker gets; bookkeeping, not isolation.
        lock_step: whether trials of the same shapes are trained side by side.
        tf32: whether a GPU may multiply with TF32.
        checkpoint_seconds: of training after which a trial leaves a checkpoint; 0 for none.
    """

    workers: int
    device: str = "cpu"
    gpus: int = 0
    gpu_fraction: float = 0.0
    lock_step: bool = False
    tf32: bool = False
    checkpoint_seconds: float = 60.0


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        before: finished trials of the study when it started.
        finished: finished trials of the study now, counted in the results.
        planned: trials of the study.
        failed: the log of each trial that failed.
        lost: the log of what else went wrong, such as a worker that died.
        interrupted: the number of the signal that ended it, or 0.
        outcomes: of the finished trials, in words, where not all were completed.
    """

    before: int
    finished: int
    planned: int
    failed: dict[str, str]
    lost: str | None
    interrupted: int
    outcomes: str


def run(
    study: Study, store: Store, first: plan.Plan, data: "dict[str, Place]", resources: Resources
) -> Outcome:
    """Run the trials of a study that are not finished.

    Args:
        study: what to run.
        store: its results.
        first: the plan of the study against these results.
        data: for each data set where it lies.
        resources: what may be used.

    Raises:
        UserError: nothing was started: a data set is missing, or is not the one that was used.
    """
    before = len(first.trials) - len(first.todo)
    todo, results = first.todo, first.results
    with (
        Reading(todo, data, recorded(results)) as reading,
        _Session(store, resources) as session,
    ):
        from orchestrator.interrupts import Interrupts

        sets = reading.sets()
        for name in set(sets) & set(study.data):  # so that a wrong layout is seen
            print(sets[name], file=sys.stderr)
        session.share(sets)
        del sets
        with Interrupts() as interrupts:
            store.define(study)
            idle = 0
            while todo and idle < _IDLE_ROUNDS and not interrupts.received:
                lost_one = session.fit(todo, interrupts)
                results = finished(store)
                left = plan.Plan(first.trials, results).todo
                if len(left) == len(todo) and not lost_one:
                    break  # what failed would fail again
                idle = idle + 1 if len(left) == len(todo) else 0
                todo = left
        lost = session.write_log()
    if not todo:
        store.drop_checkpoints()
    done = len(first.trials) - len(todo)
    logs = dict(failed(store, frozenset()))
    still = {trial.trial_id: logs[trial.trial_id] for trial in todo if trial.trial_id in logs}
    said = results.outcomes({trial.trial_id for trial in first.trials})
    return Outcome(before, done, len(first.trials), still, lost, interrupts.received, said)


def recorded(results: Finished) -> dict[str, str]:
    """The fingerprint of each data set that finished trials were trained on."""
    columns = (results.rows[name].to_pylist() for name in ("dataset", "dataset_fingerprint"))
    return dict(zip(*columns, strict=True))


class _Session:
    """A local Ray with the data sets in its memory, for one or more rounds of packs."""

    def __init__(self, store: Store, resources: Resources) -> None:
        self._store, self._resources = store, resources
        self._errors = list[str]()
        self._data: dict[str, Any] = {}

    def __enter__(self) -> "_Session":
        _quiet()
        import ray

        ray.init(
            address="local",  # a cluster file that another program left behind is not ours
            num_cpus=self._resources.workers,
            num_gpus=self._resources.gpus,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
        )
        return self

    def __exit__(self, *error: object) -> None:
        import ray

        ray.shutdown()

    def share(self, sets: "dict[str, Dataset]") -> None:
        """Put the data sets into the memory that the workers of a node share."""
        import ray

        self._data = {name: ray.put(data) for name, data in sets.items()}

    def fit(self, todo: Sequence[Trial], interrupts: "Interrupts") -> bool:
        """Have the trials trained; what came of it is for the results to say.

        Returns:
            Whether a worker was lost on the way.
        """
        from orchestrator.progress import ProgressBar

        progress, before = ProgressBar(self._store.study, len(todo)), len(self._errors)
        with tempfile.TemporaryDirectory(prefix="untuned-") as folder:
            try:
                self._tuner(todo, folder, progress, interrupts).fit()
            except Exception:  # Ray's memory monitor, for one, makes fit() itself fail
                self._errors.append(traceback.format_exc())
            finally:
                progress.close()
        self._errors += progress.errors
        return len(self._errors) > before

    def write_log(self) -> str | None:
        """Where the errors of workers and of Ray Tune are, or None if there were none."""
        if not self._errors:
            return None
        return self._store.log(f"driver-{os.getpid()}", "\n\n".join(self._errors))

    def _tuner(
        self, todo: Sequence[Trial], folder: str, progress: Any, interrupts: "Interrupts"
    ) -> Any:
        import ray
        from ray import tune

        from orchestrator.searcher import Packs
        from orchestrator.worker import CHUNK, Job, Worker
        from trainers import lockstep

        resources = self._resources
        by_data_set = attrgetter("dataset")
        order = lockstep.ordered(todo) if resources.lock_step else sorted(todo, key=by_data_set)
        chunks = [ray.put(order[i : i + CHUNK]) for i in range(0, len(order), CHUNK)]
        each = math.ceil(len(order) / resources.workers)
        least = min(each, lockstep.MOST) if resources.lock_step else 1
        trainable = tune.with_parameters(
            Worker,
            job=Job(
                store=self._store,
                trials=chunks,
                data=self._data,
                device=resources.device,
                lock_step=resources.lock_step,
                gpu_fraction=resources.gpu_fraction,
                tf32=resources.tf32,
                checkpoint_seconds=resources.checkpoint_seconds,
                commit=_commit(),
            ),
        )
        return tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1, "gpu": resources.gpu_fraction}),
            tune_config=tune.TuneConfig(
                search_alg=Packs(Shares(len(order), resources.workers, least)),
                num_samples=-1,  # until there are no more packs
                max_concurrent_trials=resources.workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=self._store.study,
                storage_path=folder,
                stop=interrupts,
                callbacks=[progress],
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )


def _quiet() -> None:
    """Ray's settings for a program with an output of its own; they count when it is imported."""
    os.environ.update(
        RAY_AIR_NEW_OUTPUT="0",
        RAY_USAGE_STATS_ENABLED="0",
        RAY_prestart_worker_first_driver="0",  # Tune's actors are started anew
        TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
        TUNE_DISABLE_SIGINT_HANDLER="1",
        TUNE_GLOBAL_CHECKPOINT_S="3600",
        TUNE_MAX_PENDING_TRIALS_PG="16",
        TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S="0",
    )
    logging.getLogger("ray").setLevel(logging.ERROR)
    for name in ("ray.tune", "ray.train"):  # their errors come with tracebacks, and go to our log
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _commit() -> str | None:
    """The commit of this project's checkout, None where it is installed as a package."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return None
    return answer.stdout.strip() or None
