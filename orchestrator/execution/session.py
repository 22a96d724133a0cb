"""One session with Ray, in a process of its own: rounds of packs until all is there.

A lost head, raylet or store of Ray ends the process that is connected to it, whatever it is doing;
so that process is not the user's, and `supervisor` starts another one. What a session has reached
is in the results alone.
"""

import math
import os
import re
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from orchestrator.execution import code_upload, ray_connection
from orchestrator.execution.data_loading import Reading
from orchestrator.execution.heartbeat import Heartbeat
from orchestrator.execution.resources import ResourceRequest, Resources
from orchestrator.execution.retries import Retries
from orchestrator.execution.stop_signal import Stop
from orchestrator.execution.work_queue import WorkQueue
from studies.store import Store
from studies.store.finished import failed_attempts, finished
from studies.study import Study
from studies.trial import Trial

if TYPE_CHECKING:
    from orchestrator.execution.callbacks import Callbacks
    from orchestrator.execution.scheduler import PackScheduler
    from trainers.datasets import Dataset, Place

#: Rounds in a row that may come to nothing; one that a lost worker ended may do better next time.
_IDLE_ROUNDS = 5
#: Seconds between two looks at what other runs have finished, when nothing else is left.
_LOOK = 3.0
#: Before the run's name in what a session says.
NAMED = "named "
#: What Ray says when its memory monitor has killed a worker, which makes fit() itself fail.
_OUT_OF_MEMORY = "low on memory"


@dataclass(frozen=True)
class RunRequest:
    """What a session is to do.

    Attributes:
        study: what is run.
        store: its results.
        todo: those that were not finished when the run began.
        data: for each data set where it lies.
        recorded: the fingerprint of each data set that finished trials were trained on.
        resources: what may be used, or what is wanted of a cluster.
        address: of the cluster's head, ``auto``, or None for a Ray of this machine alone.
        known: attempts whose failure was recorded before the run began.
        retries: how often a trial that failed is tried again.
        fail_fast: whether the first failure ends the run.
        join: whether the run works on the study together with others.
        name: of the run among those of its study; empty in its first session, which makes it.
        tensorboard: a folder for the curves of each trial, or None.
    """

    study: Study
    store: Store
    todo: Sequence[Trial]
    data: "Mapping[str, Place]"
    recorded: Mapping[str, str]
    resources: Resources | ResourceRequest
    address: str | None = None
    known: frozenset[str] = field(default=frozenset(), repr=False)
    retries: int = 2
    fail_fast: bool = False
    join: bool = False
    name: str = ""
    tensorboard: str | None = None


@dataclass(frozen=True)
class SessionResult:
    """How a session ended.

    Attributes:
        again: whether another session may do what this one could not.
        workers: that it should have, since memory did not suffice for more; 0 for as many.
        reason: why the run is over before all is done; empty if it is not.
        log: of what went wrong with workers and Ray, if anything did.
    """

    again: bool = False
    workers: int = 0
    reason: str = ""
    log: str | None = None


def hold(asked: RunRequest, stop: Stop, say: Callable[[str], object]) -> SessionResult:
    """Train what is left to do, as long as it comes to something.

    Args:
        asked: what to do.
        stop: becomes true when the user has asked for the end.
        say: is told how far the session is: ``connected``, the run's name after `NAMED`, then
            ``training``.

    Raises:
        UserError: nothing was started: a data set is missing or not the one that was used, the
            cluster cannot be reached or does not fit, or another run has the study in hand.
    """
    with ExitStack() as stack:
        reading = stack.enter_context(Reading(asked.todo, asked.data, asked.recorded))
        ray_connection.quieten(own=asked.address is None)
        ahead = threading.Thread(target=_import_ahead)
        ahead.start()
        resources = stack.enter_context(ray_connection.connected(asked))
        ahead.join()
        say("connected")
        if asked.address:
            print(f"{asked.study.name}: {resources} of the cluster", file=sys.stderr)
        sets = reading.sets()
        for name in set(sets) & set(asked.study.data):  # so that a wrong layout is seen
            print(sets[name], file=sys.stderr)
        presence = stack.enter_context(Heartbeat(asked.store, asked.name, joins=asked.join))
        say(f"{NAMED}{presence.name}")
        asked.store.definitions.record(asked.study)
        say("training")
        return _Session(asked, resources, sets, presence, stop).rounds()


def _import_ahead() -> None:
    """Import Ray Tune, which takes a second or two, while Ray's own processes start."""
    from orchestrator.execution import worker  # noqa: F401


class _Session:
    """A connection to Ray with the data sets in its memory, for one or more rounds of packs."""

    def __init__(
        self,
        asked: RunRequest,
        resources: Resources,
        sets: "Mapping[str, Dataset]",
        presence: Heartbeat,
        stop: Stop,
    ) -> None:
        import ray

        self._asked, self._resources = asked, resources
        self._store, self._presence, self._stop = asked.store, presence, stop
        self._errors = list[str]()
        # The memory that the workers of a node share.
        self._data = {name: ray.put(data) for name, data in sets.items()}

    def rounds(self) -> SessionResult:
        """Plan from the results and train, until nothing is left or nothing comes of it."""
        idle, crashed = 0, ""
        todo, counts = self._left()
        while todo and idle < _IDLE_ROUNDS and not self._stop and not crashed:
            before = (len(todo), counts)
            # Nothing is in hand now, and what is finished is in the results: else two runs that
            # claim one trial, and fail at it, would wait for each other.
            self._presence.release(trial.trial_id for trial in todo)
            here = [t for t in todo if t.trial_id not in self._presence.elsewhere]
            if here:
                crashed = self._fit(here, counts)
            else:  # other runs have all of it in hand
                self._pause(_LOOK)
                self._presence.refresh()
            todo, counts = self._left()
            idle = idle + 1 if here and (len(todo), counts) == before else 0
            self._pause(2**idle if idle else 0)
        if idle == _IDLE_ROUNDS:
            self._stop.reason = "workers kept dying before they had trained anything"
        fewer = max(1, self._resources.workers - 1) if _OUT_OF_MEMORY in crashed else 0
        reason = self._stop.reason or ("memory ran out" if fewer else "")
        return SessionResult(bool(crashed) and not self._stop, fewer, reason, self._log())

    def _pause(self, seconds: float) -> None:
        """Wait, as long as the run is not to end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stop:
            time.sleep(0.1)

    def _left(self) -> tuple[list[Trial], Mapping[str, int]]:
        """The trials that are neither finished nor given up, and how often each has failed."""
        done = finished(self._store, need_masks=bool(self._asked.study.keep_masks)).ids
        attempts = failed_attempts(self._store)
        counts = Counter(attempts[attempt] for attempt in attempts.keys() - self._asked.known)
        if counts and self._asked.fail_fast:
            self._stop.reason = "a trial failed, and --fail-fast was given"
        most = self._asked.retries
        left = [t for t in self._asked.todo if t.trial_id not in done]
        return [t for t in left if counts.get(t.trial_id, 0) <= most], counts

    def _fit(self, todo: Sequence[Trial], counts: Mapping[str, int]) -> str:
        """Have trials trained; what came of it is for the results to say.

        Returns:
            The traceback with which Ray Tune itself failed, if it did.
        """
        from orchestrator.execution.callbacks import Callbacks
        from orchestrator.execution.scheduler import PackScheduler

        asked = self._asked
        losses = Retries(self._store, counts, asked.retries, ray_connection.alive)
        order, alone = self._order(todo, counts)
        packs = PackScheduler(order, self._shares(len(order), alone), self._presence, losses)
        watcher = Callbacks(
            asked.study.name, len(order), losses, self._stop, fail_fast=asked.fail_fast
        )
        crash = ""
        with tempfile.TemporaryDirectory(prefix="untuned-") as folder:
            try:
                self._tuner(order, packs, folder, watcher).fit()
            except Exception:  # Ray's memory monitor, for one, makes fit() itself fail
                crash = traceback.format_exc()
            finally:
                watcher.close()
        self._errors += [*watcher.errors, crash] if crash else watcher.errors
        if _OUT_OF_MEMORY in crash:
            _blame(crash, packs, losses)
        return crash

    def _order(self, todo: Sequence[Trial], counts: Mapping[str, int]) -> tuple[list[Trial], int]:
        """The trials in the order in which they are handed out, and how many are to be alone.

        Those that have failed before come first, each alone, so that none takes others with it.
        """
        from trainers import pack_key

        suspects = [t for t in todo if t.trial_id in counts]
        rest = [t for t in todo if t.trial_id not in counts]
        if self._resources.lock_step:
            rest = pack_key.ordered(rest)
        else:
            rest.sort(key=attrgetter("dataset"))
        if self._presence.rank % 2:  # from the other end than the run that was there first
            rest.reverse()
        return [*suspects, *rest], len(suspects)

    def _shares(self, total: int, alone: int) -> WorkQueue:
        from trainers import pack_key

        each = math.ceil(total / self._resources.workers)
        least = min(each, pack_key.MOST) if self._resources.lock_step else 1
        return WorkQueue(total, self._resources.workers, least, alone)

    def _tuner(
        self, order: Sequence[Trial], packs: "PackScheduler", folder: str, watcher: "Callbacks"
    ) -> Any:
        import ray
        from ray import tune

        from orchestrator.execution.callbacks import StopRequested
        from orchestrator.execution.worker import CHUNK, Worker, WorkerConfig

        resources, asked = self._resources, self._asked
        chunks = [ray.put(list(order[i : i + CHUNK])) for i in range(0, len(order), CHUNK)]
        trainable = tune.with_parameters(
            Worker,
            job=WorkerConfig(
                store=self._store,
                trials=chunks,
                data=self._data,
                device=resources.device,
                lock_step=resources.lock_step,
                gpu_fraction=resources.gpu_fraction,
                tf32=resources.tf32,
                checkpoint_seconds=resources.checkpoint_seconds,
                keep_masks=asked.study.keep_masks,
                keep_networks=asked.study.keep_networks,
                commit=code_upload.commit(),
                tensorboard=self._asked.tensorboard,
            ),
        )
        return tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1, "gpu": resources.gpu_fraction}),
            tune_config=tune.TuneConfig(
                search_alg=packs,
                num_samples=-1,  # until there are no more packs
                max_concurrent_trials=resources.workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=self._store.study,
                storage_path=folder,
                stop=StopRequested(self._stop),
                callbacks=[watcher],
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )

    def _log(self) -> str | None:
        """Where the errors of workers and of Ray Tune are, or None if there were none."""
        if not self._errors:
            return None
        try:
            return self._store.log(f"session-{os.getpid()}", "\n\n".join(self._errors))
        except OSError as error:
            return f"no log: {error}"


def _blame(crash: str, packs: "PackScheduler", losses: Retries) -> None:
    """Count as failed the trial of the largest worker that the memory monitor has killed."""
    nodes, killed = re.findall(r"ID: (\w+)", crash), re.findall(r"pid=(\d+)", crash)
    by_size = [pid for pid in re.findall(r"^(\d+)\t", crash, re.MULTILINE) if pid in killed]
    named = (packs.running(int(pid), nodes) for pid in [*by_size, *killed])
    if pack := next(filter(None, named), None):
        packs.blame(pack)
        losses.explain(pack, crash)
