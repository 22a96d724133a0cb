"""This run's heartbeat: it shows other runs of the study that this one is alive.

Nothing depends on it. Two runs that do not see each other train some trials twice, and each trial
counts once all the same. With it, a second run is refused, or joins the first one and leaves its
trials alone. `live_runs` reads heartbeats.

A run has one heartbeat. The process that the user started keeps it as the run starts and between
two sessions (`RunHeartbeat`), and its session keeps it while it trains (`SessionHeartbeat`).
"""

import contextlib
import json
import multiprocessing
import os
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Protocol

from orchestrator.execution import processes
from orchestrator.execution.live_runs import LiveRuns, OtherRun
from studies.errors import UserError
from studies.store import Store

#: The environment variable that names the job that a run belongs to.
JOB = "UNTUNED_JOB"
#: Seconds between two heartbeats.
_BEAT = 4.0
#: Seconds until a heartbeat that another run is writing can be read.
_SETTLE = 0.3


class _Heartbeat:
    """Writes a heartbeat every few seconds, in a thread, and removes it at the end."""

    def __init__(self, store: Store, name: str, engine: str) -> None:
        self._store, self.name, self._engine = store, name, engine
        self._beats = 0
        self._live_runs = LiveRuns(store)
        self._ended, self._wake = threading.Event(), threading.Event()
        self._writing = threading.Lock()  # so that no earlier state follows a later one
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        parent = multiprocessing.parent_process()  # of a session: the process that the user started
        self._driver = processes.of(parent.pid if parent and parent.pid else os.getpid())

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        with contextlib.suppress(OSError, UserError):
            self._store.heartbeats.remove(self.name)

    def _keep_beating(self) -> None:
        while True:
            self._wake.wait(_BEAT)
            if self._ended.is_set():
                return
            self._wake.clear()
            with contextlib.suppress(OSError, UserError):  # it is only a courtesy
                self._in_turn()

    def _in_turn(self) -> None:
        """Do what is due every few seconds."""
        self._beat()

    def _beat(self) -> None:
        with self._writing:
            self._beats += 1
            content = {
                **asdict(processes.own()),
                "driver": self._driver.pid,
                "driver_began": self._driver.began,
                "beat": self._beats,
                "engine": self._engine,
                "job": os.environ.get(JOB, ""),
                **self._about(),
            }
            self._store.heartbeats.write(self.name, json.dumps(content).encode())

    def _about(self) -> dict[str, Any]:
        """Return the entries that the two kinds do not share."""
        raise NotImplementedError

    def _others(self) -> list[OtherRun]:
        return [other for other in self._live_runs.alive() if other.name != self.name]


class Training(Protocol):
    """A session, which keeps the heartbeat itself once it trains."""

    training: bool


class RunHeartbeat(_Heartbeat):
    """The heartbeat of a run that starts, or whose next session does; use it as a context.

    Of several runs that begin at once, and that do not join, one stays, whatever their clocks say:
    a run gives way to every run that is settled, and to those that begin with it and have a smaller
    name. It waits until runs with larger names have given way, and is settled then.

    Args:
        store: the study's results.
        joins: whether the run works together with others, if there are any.
        engine: what its fully connected layers are computed with on a CPU.

    Attributes:
        name: of the run.
        session: that of the run, which keeps the heartbeat while it trains; None between two.
    """

    def __init__(self, store: Store, *, joins: bool = False, engine: str = "") -> None:
        super().__init__(store, f"{time.time_ns():020d}-{secrets.token_hex(4)}", engine)
        self._is_settled = joins
        self.session: Training | None = None

    def __enter__(self) -> "RunHeartbeat":
        """Begin.

        Raises:
            UserError: another run has the study in hand, or the heartbeat cannot be written.
        """
        if not self._is_settled:
            refuse_second(self._store)
        try:
            self._beat()
            self._thread.start()
            while not self._is_settled:
                self._settle()
            self._beat()
        except BaseException as error:
            self.__exit__()
            if isinstance(error, OSError):
                raise UserError(f"results folder {self._store.uri}: {error}") from None
            raise
        return self

    def _settle(self) -> None:
        """Look once whether this run may stay.

        Raises:
            UserError: it gives way to another one.
        """
        time.sleep(_SETTLE)
        others = self._others()
        for other in others:
            if other.settled or other.name < self.name:
                raise already_run_by(self._store, other)
        self._is_settled = not others

    def _in_turn(self) -> None:
        if self.session is None or not self.session.training:
            self._beat()

    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = {"claimed": [], "training": [], "rate": None}
        return {**about, "starting": True, "settled": self._is_settled}


class SessionHeartbeat(_Heartbeat):
    """A session's heartbeat, and what the others' say; use it as a context.

    Args:
        store: the study's results.
        name: of the run.
        engine: what its fully connected layers are computed with on a CPU.

    Attributes:
        elsewhere: ids of the trials that other runs have in hand.
        rank: how many of the others have a smaller name.
        runs: how many runs of the study are alive, this one among them.
    """

    def __init__(self, store: Store, name: str, engine: str = "") -> None:
        super().__init__(store, name, engine)
        self._claimed: dict[str, None] = {}
        self._training: list[str] = []
        self._rate: float | None = None
        self._alone = False
        self.elsewhere: frozenset[str] = frozenset()
        self.rank, self.runs = 0, 1

    def __enter__(self) -> "SessionHeartbeat":
        self._beat()
        self.refresh()
        self._thread.start()
        return self

    def claim(self, ids: Iterable[str]) -> None:
        """Take trials in hand; other runs, if there are any, learn of it at once."""
        self._claimed |= dict.fromkeys(ids)
        if not self._alone:
            self._wake.set()

    def release(self, ids: Iterable[str]) -> None:
        """Give back trials that were not trained."""
        for trial_id in ids:
            self._claimed.pop(trial_id, None)

    def update(self, training: Iterable[str], rate: float | None) -> None:
        """Put into the next heartbeat what is in training, and how many trials a second end."""
        self._training, self._rate = list(training), rate

    def refresh(self) -> list[OtherRun]:
        """Read the other runs' heartbeats now, and return these runs."""
        others = self._others()
        self.elsewhere = frozenset[str]().union(*(other.claimed for other in others))
        self._alone = not others
        self.rank, self.runs = sum(other.name < self.name for other in others), len(others) + 1
        return others

    def _in_turn(self) -> None:
        self._beat()
        self.refresh()

    def _about(self) -> dict[str, Any]:
        return {
            "claimed": [] if self._alone else list(self._claimed),
            "training": self._training,
            "rate": self._rate,
        }


def refuse_second(store: Store) -> None:
    """Refuse to run a study that another run has in hand.

    Raises:
        UserError: another run is alive.
    """
    if others := LiveRuns(store).certainly():
        raise already_run_by(store, others[0])


def already_run_by(store: Store, other: OtherRun) -> UserError:
    """Return the error of a run, or a job, that another run makes superfluous."""
    return UserError(
        f"{store.study} in {store.uri} is being run already, by {other}; add --join to work on it "
        "together, or wait for that run's end"
    )
