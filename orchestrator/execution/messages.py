"""Typed messages between the command line, the driver, its sessions and their workers.

command line to driver     RunOptions, within a RunRequest; back: Outcome
driver to session          RunRequest, StopRequest; back: SessionMessage
session to worker          WorkerConfig, WorkItem; back: WorkerReport
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from studies.store import Store
from studies.trial import Trial

if TYPE_CHECKING:
    from studies.study import Study
    from trainers.datasets import Place


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run is carried out; the options of `untuned run`, handed on whole to the workers.

    Attributes:
        workers: processes that train, each with one thread; None for as many as fit.
        device: ``cpu``, ``cuda``, or ``auto`` for a GPU where there is one.
        gpus: how many GPUs to use; None for all.
        gpu_fraction: the fraction of a GPU that each worker gets; None for an even share.
        tf32: whether a GPU may multiply with TF32.
        engine: what fully connected layers are computed with on a CPU, ``mm`` or ``onednn``; all
            workers of a run use the same.
        checkpoint_seconds: seconds of training between two checkpoints of a trial; 0 for none.
        retries: how often a trial that failed is tried again.
        fail_fast: whether the first failure ends the run.
        join: whether the run works on the study together with other runs.
        loggers: names of loggers that the trials are shown with, see `execution.loggers`.
        tensorboard: a folder for the curves of each trial; the logger tensorboard writes them.
        executor: what trains: ``ray``, or ``inline`` for this process alone, without Ray.
    """

    workers: int | None = None
    device: str = "auto"
    gpus: int | None = None
    gpu_fraction: float | None = None
    tf32: bool = False
    engine: str = "mm"
    checkpoint_seconds: float = 60.0
    retries: int = 2
    fail_fast: bool = False
    join: bool = False
    loggers: tuple[str, ...] = ()
    tensorboard: str | None = None
    executor: str = "ray"

    @property
    def all_loggers(self) -> tuple[str, ...]:
        """The loggers, with that of TensorBoard if a folder for it is given."""
        own = ("tensorboard",) if self.tensorboard is not None else ()
        return tuple(dict.fromkeys([*self.loggers, *own]))


@dataclass(frozen=True)
class Resources:
    """What a run uses, on this machine or a cluster.

    Attributes:
        workers: processes that train, each with one thread.
        device: ``cpu`` or ``cuda``.
        gpus: that the workers share; 0 on a CPU.
        gpu_fraction: of a GPU that each worker gets; bookkeeping, not isolation.
        lock_step: whether trials of the same shapes are trained side by side.
    """

    workers: int
    device: str = "cpu"
    gpus: int = 0
    gpu_fraction: float = 0.0
    lock_step: bool = False

    def __str__(self) -> str:
        return f"{self.workers} worker{'s' if self.workers > 1 else ''} on {self.device}"


@dataclass(frozen=True)
class RunRequest:
    """What a session is to do.

    Attributes:
        study: the study that is run.
        store: its results.
        todo: the trials that were not finished when the run began.
        need_masks: ids of those whose masks must be kept.
        data: where each data set is read from.
        fingerprints: of the data sets that finished trials were trained on.
        options: how the run is carried out.
        resources: what may be used here; None on a cluster, which is asked what it has.
        address: of the cluster's head, ``auto``, or None for a Ray of this machine alone.
        known_failures: attempts whose failure was recorded before the run began.
        run: the name of the run among those of its study, see `heartbeat.RunHeartbeat`.
        suspects: ids of trials to be trained alone, first, because one may have ended a session.
    """

    study: "Study"
    store: Store
    todo: Sequence[Trial]
    need_masks: frozenset[str]
    data: "Mapping[str, Place]"
    fingerprints: Mapping[str, str]
    options: RunOptions
    resources: Resources | None = None
    address: str | None = None
    known_failures: frozenset[str] = field(default=frozenset(), repr=False)
    run: str = ""
    suspects: frozenset[str] = frozenset()


@dataclass(frozen=True)
class StopRequest:
    """The driver asks its session to end after the epochs that are running."""


@dataclass(frozen=True)
class TrainingBegun:
    """A session is ready, and trains from now on."""


@dataclass(frozen=True)
class SessionResult:
    """A session came to its end.

    Attributes:
        another_session: whether another one may finish what this one could not.
        workers: how many the next session should have, because memory ran out; 0 for as many.
        reason: why the run ends before all trials are finished; empty if it does not.
        log: the log of what went wrong with workers and Ray, None if nothing did.
        suspects: ids of trials of which one exceeded the memory; the next session trains each of
            them alone.
    """

    another_session: bool = False
    workers: int = 0
    reason: str = ""
    log: str | None = None
    suspects: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SessionRefused:
    """A session could not start because of a mistake that the user can mend.

    Attributes:
        message: what was given, what is allowed and what to do.
    """

    message: str


@dataclass(frozen=True)
class SessionCrashed:
    """A session raised an error that it does not handle.

    Attributes:
        reason: the error in a line.
        traceback: its traceback.
    """

    reason: str
    traceback: str


@dataclass(frozen=True)
class SessionDied:
    """The session's process ended without a word.

    Attributes:
        exit_code: of the process; below zero for a signal.
        last_output: what Ray's libraries printed last.
    """

    exit_code: int | None
    last_output: str


#: What a session sends; the last three end it.
SessionMessage = TrainingBegun | SessionResult | SessionRefused | SessionCrashed
SessionEnd = SessionResult | SessionRefused | SessionCrashed | SessionDied


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        before: finished trials of the study when it started.
        finished: finished trials of the study now, counted in the results.
        planned: trials of the study.
        failed: the log of each trial that failed and is not finished, by its id.
        log: the log of what else went wrong, such as a worker that died; None if nothing did.
        reason: why it ended before all was tried; empty if it did not, or a signal ended it.
        interrupted: the number of the signal that ended it, or 0.
        diverged_or_dead: how many of the finished trials diverged or are dead, in words; or empty.
        timed_out: whether it ended because its time was over.
    """

    before: int
    finished: int
    planned: int
    failed: Mapping[str, str]
    log: str | None
    reason: str
    interrupted: int
    diverged_or_dead: str
    timed_out: bool = False


@dataclass(frozen=True)
class WorkItem:
    """A stretch of the run's trials that one worker gets at a time.

    Attributes:
        start: index of the first trial.
        stop: index after the last one.
        seconds: how long the worker trains before it gives back the trials not begun.
    """

    start: int
    stop: int
    seconds: float


@dataclass(frozen=True)
class WorkerConfig:
    """What every worker of a run gets when it starts.

    Attributes:
        store: the study's results.
        options: how the run is carried out.
        resources: what it uses.
        keep_masks: see `Study.keep_masks`.
        keep_networks: see `Study.keep_networks`.
        commit: of this project's checkout; None for an installed package.
    """

    store: Store
    options: RunOptions
    resources: Resources
    keep_masks: bool | int = False
    keep_networks: bool = False
    commit: str | None = None

    @classmethod
    def of(cls, request: RunRequest, resources: Resources, commit: str | None) -> "WorkerConfig":
        """The configuration of a run's workers."""
        study = request.study
        return cls(
            store=request.store,
            options=request.options,
            resources=resources,
            keep_masks=study.keep_masks,
            keep_networks=study.keep_networks,
            commit=commit,
        )


class LoggedEpoch(NamedTuple):
    """What loggers get of a trial after an epoch; see `execution.loggers.Logger`.

    Attributes:
        trial_id: the trial.
        epoch: its row for `Logger.epoch`.
        final: after its last epoch its row for `Logger.end`, else None.
    """

    trial_id: str
    epoch: Mapping[str, Any]
    final: Mapping[str, Any] | None


@dataclass(frozen=True)
class WorkerReport:
    """What a worker reports about its work item, about once a second.

    Indices are those of the run's trials.

    Attributes:
        finished: trials that have finished since the last report.
        failed: trials that have failed since the last report.
        at: index of the first trial in training.
        until: index after the last trial in training.
        first_unwritten: index of the first trial whose rows are perhaps not written yet.
        retrained_finished: finished trials that would be trained again if the worker died now:
            those not written yet, and those of the pack in training.
        retrained_failed: the same of failed ones.
        fraction: of the epochs of the trials in training, how much is over; 0 to 1.
        trouble: what keeps the worker from writing, in a line; empty if nothing does.
        hopeless: whether it has waited for that long enough.
        done: whether the work item is over: everything is written, or the worker has given up
            (`hopeless`).
        busy: seconds since the worker took the work item.
        node: id of the node that it runs on.
        host: name of that machine.
        pid: its process id there.
        logged: the epochs since the last report, if the run has loggers.
    """

    finished: int = 0
    failed: int = 0
    at: int = 0
    until: int = 0
    first_unwritten: int = 0
    retrained_finished: int = 0
    retrained_failed: int = 0
    fraction: float = 0.0
    trouble: str = ""
    hopeless: bool = False
    done: bool = False
    busy: float = 0.0
    node: str = ""
    host: str = ""
    pid: int = 0
    logged: Sequence[LoggedEpoch] = ()

    @classmethod
    def from_result(cls, result: Mapping[str, Any] | None) -> "WorkerReport | None":
        """The report in a result of Ray Tune, which adds entries of its own; None without one."""
        names = [entry.name for entry in fields(cls)]
        if not result or not all(name in result for name in names):
            return None
        return cls(**{name: result[name] for name in names})
