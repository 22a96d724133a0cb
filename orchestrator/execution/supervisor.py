"""Runs a study to its end, whatever dies on the way: one session after another.

With Ray, each session is a process of its own (see `session`). Whenever one has died, what is left
to do is planned anew from the results, so nothing that was finished is lost.
"""

import sys
import time
from dataclasses import replace

from orchestrator import plan
from orchestrator.execution.heartbeat import RunHeartbeat
from orchestrator.execution.inline_session import InlineSession
from orchestrator.execution.messages import (
    Outcome,
    RunRequest,
    SessionCrashed,
    SessionDied,
    SessionEnd,
    SessionRefused,
    SessionResult,
)
from orchestrator.execution.session_process import Session, SessionProcess, Signals
from orchestrator.plan import Plan
from studies.errors import UserError
from studies.store import Store
from studies.store.finished import failed_attempts

#: Sessions in a row that may end badly without any trial having ended meanwhile.
_IDLE_SESSIONS = 5
#: Seconds to wait for a cluster that was there before, and between two attempts.
_AWAY = 600.0
_RETRY = 5.0


def run(
    planned: Plan,
    request: RunRequest,
    heartbeat: RunHeartbeat,
    process: Session | None = None,
    seconds: float | None = None,
) -> Outcome:
    """Run the trials of a study that are not finished.

    Args:
        planned: the study compared with its results.
        request: what each session is to do.
        heartbeat: of the run.
        process: of the first session, if it has been started ahead.
        seconds: after which the run ends in good order; None for no limit.

    Raises:
        UserError: nothing was started: a data set is missing or is not the one that was used, or
            the cluster cannot be reached or does not fit.
        RuntimeError: nothing was started: the first session crashed before that.
    """
    store = request.store
    known_failures = frozenset(failed_attempts(store))
    request = replace(request, run=heartbeat.name, known_failures=known_failures)
    with Signals(seconds) as signals:
        log, reason = _run_sessions(request, heartbeat, signals, process)
        now = planned.reread(store)
        if not now.todo and not _others_missing(store, now):
            store.checkpoints.delete_all()
        failures = now.failures(store)
    return Outcome(
        before=len(planned.trials) - len(planned.todo),
        finished=len(now.trials) - len(now.todo),
        planned=len(now.trials),
        failed={
            t.trial_id: failures[t.trial_id]["log"] for t in now.todo if t.trial_id in failures
        },
        log=log,
        reason=reason,
        interrupted=signals.received,
        timed_out=signals.timed_out,
        diverged_or_dead=now.results.outcomes({trial.trial_id for trial in now.trials}),
    )


def _others_missing(store: Store, now: Plan) -> bool:
    """Whether trials of other definitions of the study are missing: a run may continue them."""
    try:
        every = plan.demand(store.definitions.all())
    except UserError:  # one has trials that cannot be run here, or is not readable just now
        return True
    return bool(replace(now, demand=every).todo)


def _run_sessions(
    request: RunRequest, heartbeat: RunHeartbeat, signals: Signals, process: Session | None
) -> tuple[str | None, str]:
    """Run sessions until one comes to its end; `process` is that of the first, if it is started.

    Returns:
        The log of what went wrong last, if anything did; why it is over before all is done.
    """
    log: str | None = None
    progress, idle, away_since, begun = _progress(request), 0, 0.0, False
    while not signals.over:
        process = heartbeat.session = process or _session(request)
        signals.begin(process, request)
        end = process.wait()
        heartbeat.session = None
        if not (signals.received or begun or process.training):
            _raise_early_error(end)
        if signals.over:
            return (end.log if isinstance(end, SessionResult) else log), ""
        begun = True
        pid, process = process.pid, None
        if isinstance(end, SessionRefused):  # something is gone that was there
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _AWAY:
                return log, end.message
            time.sleep(_RETRY)
            continue
        if isinstance(end, SessionResult) and not end.another_session:
            return end.log or log, end.reason
        away_since = 0.0
        reason, log = _what_happened(request.store, pid, end)
        now, following = _progress(request), _next_request(request, end)
        achieved = now != progress or _workers(following) != _workers(request)
        idle = 0 if achieved else idle + 1
        progress, request = now, following
        if idle == _IDLE_SESSIONS:
            return log, f"{idle} sessions in a row ended without a finished trial"
        name = request.study.name
        print(f"{name}: {reason}; going on with what is left (see {log})", file=sys.stderr)
    return log, ""


def _session(request: RunRequest) -> Session:
    """A session that can begin: in this process if it trains here, else in a new one."""
    if request.options.executor == "inline":
        return InlineSession()
    return SessionProcess(request.address)


def _next_request(request: RunRequest, end: SessionEnd) -> RunRequest:
    """The request for the next session; where memory ran out, with fewer workers and suspects."""
    if not isinstance(end, SessionResult) or not end.workers:
        return request
    request = replace(request, suspects=end.suspects)
    if request.resources is not None:
        return replace(request, resources=replace(request.resources, workers=end.workers))
    return replace(request, options=replace(request.options, workers=end.workers))


def _workers(request: RunRequest) -> int | None:
    """How many workers a session is to have; None on a cluster for as many as it has."""
    return request.resources.workers if request.resources else request.options.workers


def _raise_early_error(end: SessionEnd) -> None:
    """Raise what a run's first session met before anything had begun that could be lost.

    Raises:
        UserError: what the session raised.
        RuntimeError: the session crashed.
    """
    if isinstance(end, SessionRefused):
        raise UserError(end.message)
    if isinstance(end, SessionCrashed):
        error = RuntimeError(end.reason)
        error.add_note(end.traceback)
        raise error


def _what_happened(store: Store, pid: int, end: SessionEnd) -> tuple[str, str | None]:
    """Why another session has to follow this one, and the path of its log."""
    match end:
        case SessionResult():
            return end.reason or "Ray failed", end.log
        case SessionCrashed():
            reason, text = end.reason, end.traceback
        case SessionDied():
            reason, text = f"the session with Ray died ({end.exit_code})", end.last_output
        case SessionRefused():
            reason, text = end.message, ""
    try:
        return reason, store.log(f"session-{pid}", f"{reason}\n\n{text}")
    except OSError as error:
        return reason, f"no log: {error}"


def _progress(request: RunRequest) -> tuple[int, int] | None:
    """Counts that change as long as a run achieves something; None if they cannot be read now."""
    store = request.store
    try:
        left = plan.remaining_in(store, request.todo, request.need_masks)
        return len(left), len(failed_attempts(store))
    except UserError:
        return None
