"""Runs a study on a local Ray: plan, train, look at the results, and again until all is there."""

import logging
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import plan
from studies.errors import UserError
from studies.results import failed, finished
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
        checkpoint_seconds: of training after which a trial leaves a checkpoint; 0 for none.
    """

    workers: int
    device: str = "cpu"
    gpus: int = 0
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
    _quiet()
    from orchestrator.interrupts import Interrupts

    before = len(first.trials) - len(first.todo)
    todo, results = first.todo, first.results
    sets = load(todo, data, first, study.data)
    with Interrupts() as interrupts:
        store.define(study)
        with _Session(store, sets, resources) as session:
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


def load(
    todo: Sequence[Trial], data: "dict[str, Place]", planned: plan.Plan, own: Collection[str]
) -> "dict[str, Dataset]":
    """Read the data sets of the trials and check them, and the networks, before anything starts.

    A user's own data sets (``own``) are described, so that a wrong layout is seen.

    Raises:
        UserError: a data set is missing, damaged, or not the one that earlier trials were
            trained on.
    """
    from trainers import datasets, networks

    recorded = planned.results.rows.select(["dataset", "dataset_fingerprint"]).to_pylist()
    earlier = {row["dataset"]: row["dataset_fingerprint"] for row in recorded}
    sets: dict[str, Dataset] = {}
    for trial in todo:
        name = trial.dataset
        if name not in sets:
            sets[name] = datasets.load(name, data[name])
            if earlier.get(name, sets[name].fingerprint) != sets[name].fingerprint:
                raise UserError(
                    f"data set {name} in {data[name].root} is not the one that the finished "
                    f"trials were trained on (fingerprint {sets[name].fingerprint}, recorded "
                    f"{earlier[name]}); "
                    "name the right one with --data, or other results with --results"
                )
    for name, loaded in sets.items():
        if name in own:
            print(loaded, file=sys.stderr)
    for trial in {(t.network, t.width, t.dataset): t for t in todo}.values():
        data_set = sets[trial.dataset]
        networks.build(trial, data_set.shape, data_set.classes)
    return sets


class _Session:
    """A local Ray with the data sets in its memory, for one or more rounds of packs."""

    def __init__(self, store: Store, sets: "dict[str, Dataset]", resources: Resources) -> None:
        self._store, self._sets = store, sets
        self._resources, self._errors = resources, list[str]()

    def __enter__(self) -> "_Session":
        import ray

        memory = 256 * 2**20 + 2 * sum(data.nbytes for data in self._sets.values())
        ray.init(
            address="local",  # a cluster file that another program left behind is not ours
            num_cpus=self._resources.workers,
            num_gpus=self._resources.gpus,
            object_store_memory=memory,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
        )
        self._references = {name: ray.put(data) for name, data in self._sets.items()}
        return self

    def __exit__(self, *error: object) -> None:
        import ray

        ray.shutdown()

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
        from ray import tune

        from orchestrator.searcher import Packs
        from orchestrator.worker import Job, Worker

        workers, gpus = self._resources.workers, self._resources.gpus
        packs = plan.packs(todo, workers)
        trainable = tune.with_parameters(
            Worker,
            job=Job(
                store=self._store,
                packs=packs,
                data=self._references,
                device=self._resources.device,
                checkpoint_seconds=self._resources.checkpoint_seconds,
                commit=_commit(),
            ),
        )
        return tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1, "gpu": gpus / workers}),
            tune_config=tune.TuneConfig(
                search_alg=Packs(len(packs)),
                num_samples=len(packs),
                max_concurrent_trials=workers,
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
