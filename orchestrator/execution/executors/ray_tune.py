"""The executor on Ray: Ray Tune runs the workers, on this machine or on a cluster.

Ray Tune's trial is a work item here. A worker is an actor that it reuses for one item after
another.
"""

import contextlib
import secrets
import shutil
import tempfile
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.execution import code_upload, ray_connection
from orchestrator.execution.executors import Round, RoundFailure, ray_memory
from orchestrator.execution.messages import (
    Resources,
    RunRequest,
    WorkerConfig,
)
from studies import garbage
from studies.trial import Trial

if TYPE_CHECKING:
    import ray

    from orchestrator.execution.executors import ray_tune_adapters
    from trainers.datasets import Dataset

#: Trials in an object of Ray's store: a worker fetches so many at once.
_CHUNK = 256


def import_ahead(address: str | None) -> None:
    """Begin to import Ray and Ray Tune in a thread; see `executors.import_ahead`."""
    ray_connection.configure_ray(own=address is None)
    threading.Thread(target=_import_ray_tune, daemon=True).start()


def _import_ray_tune() -> None:
    with garbage.not_collected(), contextlib.suppress(Exception):  # `connect` raises it again
        from orchestrator.execution.executors import ray_tune_adapters  # noqa: F401


@contextlib.contextmanager
def connect(request: RunRequest) -> Iterator["RayTuneExecutor"]:
    """Connect to Ray, or start one, and yield the executor.

    Raises:
        UserError: see `ray_connection.connected`.
    """
    own = request.address is None
    ray_connection.configure_ray(own=own)
    with ray_connection.connected(request) as resources:
        from orchestrator.execution.executors import ray_tune_adapters

        if own:
            ray_tune_adapters.use_prestarted_workers()
        yield RayTuneExecutor(request, resources)


class SharedInputs:
    """The trials and data sets of a run in Ray's object store; see `pack_training.Inputs`.

    Args:
        chunks: references to the trials in their order, `_CHUNK` in each.
        datasets: a reference to each data set, whose memory the workers of a node share.
    """

    def __init__(
        self,
        chunks: Sequence["ray.ObjectRef[list[Trial]]"],
        datasets: Mapping[str, "ray.ObjectRef[Dataset]"],
    ) -> None:
        self._chunks, self._datasets = chunks, datasets
        self._fetched: tuple[int, list[Trial]] = (-1, [])

    def trial(self, index: int) -> Trial:
        """A trial by its index in the run."""
        import ray

        number, place = divmod(index, _CHUNK)
        if self._fetched[0] != number:
            self._fetched = (number, ray.get(self._chunks[number]))
        return self._fetched[1][place]

    def dataset(self, name: str) -> "Dataset":
        """A data set by its name."""
        import ray

        dataset: Dataset = ray.get(self._datasets[name])
        return dataset


class RayTuneExecutor:
    """Trains rounds of work items with Ray Tune; see `Executor`.

    Args:
        request: of the session.
        resources: what may be used of Ray's.
    """

    def __init__(self, request: RunRequest, resources: Resources) -> None:
        self.resources, self._on_cluster = resources, request.address is not None
        self._config = WorkerConfig.of(request, resources, code_upload.commit())
        self._datasets: dict[str, ray.ObjectRef[Dataset]] = {}

    def share(self, data: "Mapping[str, Dataset]") -> None:
        """Put the data sets into the memory that the workers of a node share."""
        import ray

        self._datasets = {name: ray.put(dataset) for name, dataset in data.items()}

    @staticmethod  # Ray Tune pickles who asks; it must not carry the data sets along
    def alive(node: str) -> bool:
        """Whether a node of the cluster is alive, by its id."""
        return ray_connection.alive(node)

    def train(self, work: Round) -> RoundFailure | None:
        """Train a round of work items; see `Executor.train`."""
        from orchestrator.execution.executors import ray_tune_adapters

        callbacks = ray_tune_adapters.Callbacks(
            work.monitor, work.scheduler, self.resources.gpu_fraction if self._on_cluster else None
        )
        # Ray's last processes may still write into it.
        with tempfile.TemporaryDirectory(prefix="untuned-", ignore_cleanup_errors=True) as folder:
            name = f"{self._config.store.study}-{secrets.token_hex(4)}"
            try:
                self._tuner(work, callbacks, folder, name).fit()
            except Exception:  # Ray's memory monitor, for one, makes fit() itself fail
                crash = traceback.format_exc()
            else:
                return None
            finally:
                _delete_artifacts(name)
        out_of_memory = ray_memory.ran_out(crash)
        if out_of_memory:
            _blame(crash, work)
        return RoundFailure(crash, out_of_memory)

    def _tuner(
        self, work: Round, callbacks: "ray_tune_adapters.Callbacks", folder: str, name: str
    ) -> Any:
        """Ray Tune's own description of a round.

        Args:
            work: the round.
            callbacks: what Ray Tune is to call.
            folder: for its results, which are of no use here.
            name: of its folder in Ray's session folder.
        """
        import ray
        from ray import tune

        from orchestrator.execution.executors import ray_tune_adapters

        trials, workers = work.trials, self.resources.workers
        chunks = [ray.put(list(trials[i : i + _CHUNK])) for i in range(0, len(trials), _CHUNK)]
        inputs = SharedInputs(chunks, self._datasets)
        trainable = tune.with_parameters(
            ray_tune_adapters.WorkerActor, worker_config=self._config, inputs=inputs
        )
        return tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1, "gpu": self.resources.gpu_fraction}),
            tune_config=tune.TuneConfig(
                search_alg=ray_tune_adapters.ItemSearcher(work.scheduler),
                num_samples=-1,  # until there are no more work items
                max_concurrent_trials=workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=name,
                storage_path=folder,
                stop=ray_tune_adapters.StopWhenRequested(work.stop),
                callbacks=[callbacks],
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )


def _delete_artifacts(name: str) -> None:
    """Delete what Ray Tune has written about a round into the session folder of this node's Ray.

    It writes some 25 kB for each work item there, which nobody reads.
    """
    from ray.train import constants

    with contextlib.suppress(Exception):  # the session is gone, or a version of Ray has none
        for folder in Path(constants._get_ray_train_session_dir()).glob(f"*/{name}"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.rmdir()  # if no other round is in it


def _blame(crash: str, work: Round) -> None:
    """Count as failed the trial whose worker is to blame that memory ran out, if one is."""
    nodes, pids = ray_memory.workers(crash)
    alone = work.scheduler.in_hand == 1
    for pid in pids:
        item = work.scheduler.item_of(pid, nodes)
        if item and ray_memory.to_blame(crash, pid, alone):
            work.scheduler.blame(item)
            work.monitor.explain(item, crash)
            return
