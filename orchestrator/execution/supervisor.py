"""Runs a study to its end whatever dies on the way: sessions with Ray, one after another.

Each session is a process of its own (see `session`). What is left to do is planned again from the
results whenever one has died, so nothing that was finished is lost.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from orchestrator.execution.session import NAMED, RunRequest, SessionResult, hold
from orchestrator.execution.stop_signal import Stop
from orchestrator.plan import Plan
from studies.errors import UserError
from studies.store import Store
from studies.store.finished import failed, failed_attempts, finished

#: Sessions in a row that may end badly without a trial having come to its end meanwhile.
_IDLE_SESSIONS = 5
#: Seconds for which a cluster that was there is waited for, and between two tries.
_AWAY = 600.0
_TRY = 5.0
#: Characters of what a session that died said last that are kept in its log.
_LAST_WORDS = 20_000


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        before: finished trials of the study when it started.
        finished: finished trials of the study now, counted in the results.
        planned: trials of the study.
        failed: the log of each trial that failed.
        lost: the log of what else went wrong, such as a worker that died.
        reason: why it ended before all was tried; empty if it did not, or a signal ended it.
        interrupted: the number of the signal that ended it, or 0.
        outcomes: of the finished trials, in words, where not all were completed.
    """

    before: int
    finished: int
    planned: int
    failed: dict[str, str]
    lost: str | None
    reason: str
    interrupted: int
    outcomes: str


@dataclass(frozen=True)
class _Broken:
    """What a session could not deal with.

    Attributes:
        reason: in a line.
        text: with the traceback.
    """

    reason: str
    text: str


def run(plan: Plan, asked: RunRequest) -> Outcome:
    """Run the trials of a study that are not finished.

    Args:
        plan: the study held against its results.
        asked: what a session is to do, if it gets to its end.

    Raises:
        UserError: nothing was started: a data set is missing or is not the one that was used,
            the cluster cannot be reached or does not fit, or another run has the study in hand.
        RuntimeError: nothing was started: the first session broke down before that.
    """
    store = asked.store
    asked = replace(asked, known=frozenset(failed_attempts(store)))
    with _Signals() as signals:
        lost, reason = _sessions(asked, signals)
        now = Plan(plan.trials, finished(store, need_masks=bool(asked.study.keep_masks)))
        if not now.todo:
            store.checkpoints.delete_all()
        logs = failed(store, now.results.ids)
    return Outcome(
        before=len(plan.trials) - len(plan.todo),
        finished=len(now.trials) - len(now.todo),
        planned=len(now.trials),
        failed={t.trial_id: logs[t.trial_id] for t in now.todo if t.trial_id in logs},
        lost=lost,
        reason=reason,
        interrupted=signals.received,
        outcomes=now.results.outcomes({trial.trial_id for trial in now.trials}),
    )


def _sessions(asked: RunRequest, signals: "_Signals") -> tuple[str | None, str]:
    """Hold sessions until one comes to its end.

    Returns:
        The log of what went wrong last, if anything did; why it is over before all is done.
    """
    lost: str | None = None
    done, idle, away, begun = _progress(asked.store), 0, 0.0, False
    while not signals.received:
        process = signals.process = _Process(asked)
        if signals.received:
            process.kill()
        ended = process.result()
        if signals.received:
            return ended.log if isinstance(ended, SessionResult) else lost, ""
        if not begun and process.phase != "training":
            _give_up(ended)
        begun = True
        asked = replace(asked, name=process.name or asked.name)
        if isinstance(ended, UserError):  # something is away that was there
            away = away or time.monotonic()
            if time.monotonic() - away > _AWAY:
                return lost, str(ended)
            time.sleep(_TRY)
            continue
        if isinstance(ended, SessionResult) and not ended.again:
            return ended.log or lost, ended.reason
        away = 0.0
        reason, lost = _what_happened(asked.store, process, ended)
        now = _progress(asked.store)
        done, idle = now, (0 if now != done else idle + 1)
        if idle == _IDLE_SESSIONS:
            return lost, f"{idle} sessions with Ray in a row ended without a finished trial"
        if isinstance(ended, SessionResult) and ended.workers:
            asked = replace(asked, resources=replace(asked.resources, workers=ended.workers))
        print(
            f"{asked.study.name}: {reason}; going on with what is left (see {lost})",
            file=sys.stderr,
        )
    return lost, ""


def _give_up(ended: "SessionResult | UserError | _Broken | None") -> None:
    """Where a run's first session has not come so far that anything could be lost, say why.

    Raises:
        UserError: what the session raised.
        RuntimeError: that it broke down.
    """
    if isinstance(ended, UserError):
        raise ended
    if isinstance(ended, _Broken):
        error = RuntimeError(ended.reason)
        error.add_note(ended.text)
        raise error


def _what_happened(
    store: Store, process: "_Process", ended: "SessionResult | _Broken | None"
) -> tuple[str, str | None]:
    """Why a session ended that another one follows, and where its log is."""
    if isinstance(ended, SessionResult):
        return ended.reason or "Ray failed", ended.log
    code = process.exit_code
    broken = ended or _Broken(f"the session with Ray died ({code})", process.last_words)
    try:
        text = f"{broken.reason}\n\n{broken.text}"
        return broken.reason, store.log(f"session-{process.pid}", text)
    except OSError as error:
        return broken.reason, f"no log: {error}"


def _progress(store: Store) -> tuple[int, int] | None:
    """Counts that grow as long as a run comes to something; None if they cannot be read now."""
    try:
        return len(finished(store).ids), len(failed_attempts(store))
    except UserError:
        return None


class _Signals:
    """Ctrl-C and SIGTERM: the first ends a run in an orderly way, the second at once.

    Attributes:
        received: the number of the first, 0 as long as there was none.
        process: the session that is to end.
    """

    def __init__(self) -> None:
        self.received = 0
        self.process: _Process | None = None

    def __enter__(self) -> "_Signals":
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self.received = bool(self.received), self.received or number
        if again:
            if self.process:
                self.process.kill()
            os._exit(128 + number)
        if self.process and self.process.phase == "training":
            more = "; once more to stop at once" if sys.stdin and sys.stdin.isatty() else ""
            os.write(2, f"\nstopping after the epochs that are running{more}\n".encode())
            self.process.stop()
        elif self.process:  # nothing has begun that could be kept
            self.process.kill()


class _Process:
    """A session in a process of its own, which ends with this one.

    It is no child of the terminal: Ctrl-C is for this process, which passes it on.

    Attributes:
        phase: how far it is: empty, ``connected`` or ``training``.
        name: of the run, once the session has made it.
        last_words: what Ray's libraries printed, once it has ended.
    """

    def __init__(self, asked: RunRequest) -> None:
        self.phase = self.name = self.last_words = ""
        handle, name = tempfile.mkstemp(prefix="untuned-", suffix=".log")
        os.close(handle)
        self._noise = Path(name)
        context = multiprocessing.get_context("spawn")  # forked, it would share this one's threads
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, asked, name))
        # Held back here, and for good there.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        self._process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None  # noqa: S101  (it was started)
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with; less than zero for a signal."""
        return self._process.exitcode

    def result(self) -> SessionResult | UserError | _Broken | None:
        """How the session ended, None if it just died; waits for that."""
        answer: SessionResult | UserError | _Broken | None = None
        with suppress(EOFError, OSError):  # it has died
            while answer is None:
                said = self._pipe.recv()
                if not isinstance(said, str):
                    answer = said
                elif said.startswith(NAMED):
                    self.name = said.removeprefix(NAMED)
                else:
                    self.phase = said
        self._process.join(10 if answer else None)
        self.kill()
        self._process.join()
        self._pipe.close()
        with suppress(OSError):
            self.last_words = self._noise.read_text(errors="replace")[-_LAST_WORDS:]
            self._noise.unlink()
        return answer

    def stop(self) -> None:
        """Ask it to end in an orderly way."""
        with suppress(OSError):
            self._pipe.send("stop")

    def kill(self) -> None:
        """End it at once; Ray's own processes of this machine end with it."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # with what it has started
        self._process.kill()


def _serve(pipe: Connection, asked: RunRequest, noise: str) -> None:
    """Hold a session and send how it ended; end with the process at the other end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a job that is stopped: all its processes get it
    os.setsid()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    with open(noise, "wb") as file:  # noqa: PTH123
        for stream in (1, 2):  # what Ray's libraries write there is not for the user
            os.dup2(file.fileno(), stream)
    stop = Stop()
    threading.Thread(target=_listen, args=(pipe, stop), daemon=True).start()
    answer: SessionResult | UserError | _Broken
    try:
        answer = hold(asked, stop, pipe.send)
    except UserError as error:
        answer = UserError(str(error))
    except Exception as error:
        answer = _Broken(f"{type(error).__name__}: {error}", traceback.format_exc())
    pipe.send(answer)


def _listen(pipe: Connection, stop: Stop) -> None:
    try:
        while pipe.recv() == "stop":
            stop.asked = True
    except (EOFError, OSError):  # the other end has died: nobody waits for this session
        os._exit(1)
