"""A session: rounds with an executor until all trials are finished.

With the executor `inline` it runs in the user's process, with Ray in one of its own. A lost head,
raylet or object store of Ray ends the process that is connected to it, whatever it is doing. So
that process is not the user's, and `supervisor` starts another one. What a session has achieved is
in the results alone.
"""

import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from orchestrator import plan
from orchestrator.execution import executors
from orchestrator.execution.data_loading import DataLoading, InlineDataLoading
from orchestrator.execution.executors import Executor, Round, RoundFailure
from orchestrator.execution.heartbeat import SessionHeartbeat
from orchestrator.execution.loggers import Destination, Loggers
from orchestrator.execution.memory_kills import MemoryKills
from orchestrator.execution.messages import (
    RunRequest,
    SessionMessage,
    SessionResult,
    TrainingBegun,
)
from orchestrator.execution.monitor import Monitor
from orchestrator.execution.retries import Retries
from orchestrator.execution.scheduler import WorkScheduler
from orchestrator.execution.stop_signal import StopSignal
from orchestrator.execution.throughput import Throughput
from orchestrator.execution.work_queue import WorkQueue
from studies.store.finished import failed_attempts
from studies.trial import Trial

#: Rounds in a row that may achieve nothing; one that a lost worker ended may do better next time.
_IDLE_ROUNDS = 5
#: Seconds between two looks at what other runs have finished, when nothing else is left.
_LOOK = 3.0


def run_session(
    request: RunRequest, stop: StopSignal, send: Callable[[SessionMessage], object]
) -> SessionResult:
    """Train what is left to do, as long as rounds achieve something.

    Args:
        request: what to do.
        stop: becomes true when the user has asked for the end.
        send: takes the message that the session has begun to train.

    Raises:
        UserError: nothing was started: a data set is missing or not the one that was used, the
            cluster cannot be reached or does not fit.
    """
    with ExitStack() as stack:
        options = request.options
        reading = InlineDataLoading if options.executor == "inline" else DataLoading
        loading = reading(request.todo, request.data, request.fingerprints, options.engine)
        stack.enter_context(loading)
        datasets = loading.datasets()
        for name, dataset in datasets.items():
            if name in request.study.data or dataset.notes:  # so that a wrong layout is seen
                print(dataset, file=sys.stderr)
        executor = stack.enter_context(executors.connect(request))
        if request.address:
            print(f"{request.study.name}: {executor.resources} of the cluster", file=sys.stderr)
        executor.share(datasets)
        loading.check_networks()
        engine = options.engine if executor.resources.device == "cpu" else ""
        heartbeat = stack.enter_context(SessionHeartbeat(request.store, request.run, engine))
        request.store.definitions.record(request.study)
        destination = Destination.of(request.store, options)
        loggers = Loggers(options.all_loggers, destination, request.todo)
        stack.callback(loggers.close)
        send(TrainingBegun())
        return _Rounds(request, executor, heartbeat, stop, loggers).run()


class _Rounds:
    """Plans from the results and trains, round after round."""

    def __init__(
        self,
        request: RunRequest,
        executor: Executor,
        heartbeat: SessionHeartbeat,
        stop: StopSignal,
        loggers: Loggers,
    ) -> None:
        self._request, self._executor, self._loggers = request, executor, loggers
        self._store, self._heartbeat, self._stop = request.store, heartbeat, stop
        self._errors, self._handed_out = list[str](), set[str]()
        self._suspects = frozenset[str]()

    def run(self) -> SessionResult:
        """Train until nothing is left, or rounds achieve nothing."""
        idle, failure = 0, None
        todo, failures = self._remaining()
        while todo and idle < _IDLE_ROUNDS and not self._stop and failure is None:
            before = (len(todo), failures)
            # Nothing is in hand now, and what is finished is in the results. Without this, two runs
            # that claim one trial, and fail at it, would wait for each other.
            self._heartbeat.release(trial.trial_id for trial in todo)
            free = [t for t in todo if t.trial_id not in self._heartbeat.elsewhere]
            if free:
                failure = self._train(free, failures)
            else:  # other runs have all of it in hand
                self._pause(_LOOK)
                self._heartbeat.refresh()
            todo, failures = self._remaining()
            # Other runs may have taken all of it before this one could.
            had_work = any(t.trial_id not in self._heartbeat.elsewhere for t in free)
            idle = idle + 1 if had_work and (len(todo), failures) == before else 0
            self._pause(2**idle if idle else 0)
        self._loggers.complete(self._store, self._handed_out)
        if idle == _IDLE_ROUNDS:
            self._stop.reason = "workers kept dying before they had trained anything"
        return self._result(failure)

    def _result(self, failure: RoundFailure | None) -> SessionResult:
        out_of_memory = failure is not None and failure.out_of_memory
        workers = self._executor.resources.workers
        fewer = max(1, workers - max(1, workers // 4)) if out_of_memory else 0
        reason = self._stop.reason or ("memory ran out" if out_of_memory else "")
        another = failure is not None and not self._stop
        return SessionResult(another, fewer, reason, self._log(), self._suspects)

    def _pause(self, seconds: float) -> None:
        """Wait, as long as the run is not to end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stop:
            time.sleep(0.1)

    def _remaining(self) -> tuple[list[Trial], Mapping[str, int]]:
        """The trials that are neither finished nor given up, and how often each has failed."""
        request = self._request
        left = plan.remaining_in(self._store, request.todo, request.need_masks)
        attempts = failed_attempts(self._store)
        new = attempts.keys() - request.known_failures
        failures = Counter(attempts[attempt] for attempt in new)
        if failures and request.options.fail_fast:
            self._stop.reason = "a trial failed, and --fail-fast was given"
        most = request.options.retries
        return [t for t in left if failures.get(t.trial_id, 0) <= most], failures

    def _train(self, todo: Sequence[Trial], failures: Mapping[str, int]) -> RoundFailure | None:
        """Have the executor train trials; what came of it is read in the results.

        Returns:
            How the executor itself failed, if it did.
        """
        request, options = self._request, self._request.options
        retries = Retries(self._store, failures, options.retries, self._executor.alive)
        order, alone = self._order(todo, failures)
        queue, throughput = self._queue(len(order), alone), Throughput(order)
        monitor = Monitor(
            request.study.name,
            throughput,
            retries,
            self._stop,
            self._loggers,
            fail_fast=options.fail_fast,
        )
        scheduler = WorkScheduler(
            order,
            queue,
            self._heartbeat,
            retries,
            throughput,
            MemoryKills(),
            monitor.note_shortage_of_memory,
        )
        try:
            failure = self._executor.train(Round(order, scheduler, monitor, self._stop))
        finally:
            monitor.close()
            self._handed_out |= scheduler.handed_out
            self._suspects = frozenset(scheduler.suspects)
        self._errors += [*monitor.errors, *([failure.traceback] if failure else [])]
        return failure

    def _order(self, todo: Sequence[Trial], failures: Mapping[str, int]) -> tuple[list[Trial], int]:
        """The trials in the order in which they are handed out, and how many are to be alone.

        Those that have failed before, or may have ended a session, come first, each alone, so that
        none takes others with it.
        """
        from trainers import pack_key

        alone = failures.keys() | self._request.suspects
        suspects = [t for t in todo if t.trial_id in alone]
        rest = [t for t in todo if t.trial_id not in alone]
        in_packs = self._executor.resources.lock_step
        rest = pack_key.ordered(rest) if in_packs else plan.by_seed(rest)
        return [*suspects, *apart(rest, self._heartbeat.rank, self._heartbeat.runs)], len(suspects)

    def _queue(self, total: int, alone: int) -> WorkQueue:
        from trainers import pack_key

        resources = self._executor.resources
        workers = resources.workers * self._heartbeat.runs
        least = min(math.ceil(total / workers), pack_key.MOST) if resources.lock_step else 1
        return WorkQueue(total, workers, least, alone)

    def _log(self) -> str | None:
        """Write the errors of workers and of the executor; the log's path, None without errors."""
        if not self._errors:
            return None
        try:
            return self._store.log(f"session-{os.getpid()}", "\n\n".join(self._errors))
        except OSError as error:
            return f"no log: {error}"


def apart(trials: list[Trial], rank: int, runs: int) -> list[Trial]:
    """Turn the order of trials for one of several runs, so that no two begin with the same ones.

    With fewer trials than runs some do; who takes a trial second learns it and leaves it.

    Runs that begin together learn only after some seconds what the others have in hand. So the
    trials are cut into stretches, one for every two runs. A run of even rank goes forward from the
    beginning of a stretch, one of odd rank backward from the end of one.

    Args:
        trials: in the order of a run that is alone.
        rank: of the run, from 0.
        runs: how many there are.
    """
    stretches = math.ceil(runs / 2)
    if rank % 2:
        end = len(trials) * (stretches - rank // 2) // stretches
        return [*trials[:end][::-1], *trials[end:][::-1]]
    start = len(trials) * (rank // 2) // stretches
    return [*trials[start:], *trials[:start]]
