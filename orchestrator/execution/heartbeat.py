"""Which runs of a study are alive: each run keeps a heartbeat with the results, as a courtesy.

Nothing depends on it. Two runs that do not see each other train some trials twice, and each trial
counts once all the same. With it, a second run is refused, or joins the first one and leaves its
trials alone. Clocks of different machines are not compared: a heartbeat that changes is alive.
"""

import contextlib
import json
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.errors import UserError
from studies.store import Store

#: Seconds between two heartbeats.
_BEAT = 4.0
#: Seconds after which a run whose heartbeat has not changed is taken for dead.
_PATIENCE = 15.0
#: Seconds until a heartbeat that another run is writing can be read.
_SETTLE = 0.3
#: Seconds until the processes of a killed run are gone.
_MOMENT = 1.0


@dataclass(frozen=True)
class OtherRun:
    """Another run of the study.

    Attributes:
        name: of the run.
        host: the machine that it runs on.
        pid: its process there.
        claimed: ids of the trials that it has in hand or has trained.
        training: ids of the trials that its workers are training.
        rate: trials a second, None where that is not known yet.
        engine: what its fully connected layers are computed with on a CPU; empty if not known.
    """

    name: str
    host: str
    pid: int
    claimed: frozenset[str]
    training: frozenset[str] = frozenset()
    rate: float | None = None
    engine: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Heartbeat:
    """This run's heartbeat, and what the others' say; use it as a context.

    Args:
        store: the study's results.
        name: of the run, as an earlier session made it; the first session makes one, and may be
            refused.
        joins: whether the run works together with others, if there are any.
        engine: what its fully connected layers are computed with on a CPU.

    Attributes:
        name: of the run. Of two that begin at once the one with the smaller name stays.
        elsewhere: ids of the trials that other runs have in hand.
        rank: how many of the others began before this run.
    """

    def __init__(
        self, store: Store, name: str = "", *, joins: bool = False, engine: str = ""
    ) -> None:
        self._store, self._gives_way = store, not (name or joins)
        self.name = name or f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        self._claimed: dict[str, None] = {}
        self._training: list[str] = []
        self._rate: float | None = None
        self._beats, self._alone = 0, False
        self._engine = engine
        self._live_runs = LiveRuns(store)
        self._ended, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        self.elsewhere: frozenset[str] = frozenset()
        self.rank = 0

    def __enter__(self) -> "Heartbeat":
        self._beat()
        if self._gives_way:
            time.sleep(_SETTLE)
        others = self.refresh()
        before = next((other for other in others if other.name < self.name), None)
        if before and self._gives_way:
            self._store.heartbeats.remove(self.name)
            raise _already_run_by(self._store, before)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._wake.set()
        self._thread.join()
        with contextlib.suppress(OSError, UserError):
            self._store.heartbeats.remove(self.name)

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
        others = [other for other in self._live_runs.alive() if other.name != self.name]
        self.elsewhere = frozenset[str]().union(*(other.claimed for other in others))
        self._alone = not others
        self.rank = sum(other.name < self.name for other in others)
        return others

    def _keep_beating(self) -> None:
        while True:
            self._wake.wait(_BEAT)
            if self._ended.is_set():
                return
            self._wake.clear()
            with contextlib.suppress(OSError, UserError):  # it is only a courtesy
                self._beat()
                self.refresh()

    def _beat(self) -> None:
        self._beats += 1
        content = {
            "host": platform.node(),
            "pid": os.getpid(),
            "began": _start_time(os.getpid()),
            "beat": self._beats,
            "claimed": [] if self._alone else list(self._claimed),
            "training": self._training,
            "rate": self._rate,
            "engine": self._engine,
        }
        self._store.heartbeats.write(self.name, json.dumps(content).encode())


class LiveRuns:
    """Finds the runs of a study that are alive.

    Args:
        store: the study's results.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, _Seen] = {}

    def alive(self) -> list[OtherRun]:
        """The runs that are alive, or may be, in the order in which they began."""
        runs = []
        for name, content in self._store.heartbeats.read_all().items():
            beat = _parsed(content)
            if beat is None:
                continue
            if self._may_be_alive(name, beat):
                claimed, training = frozenset(beat["claimed"]), frozenset(beat["training"])
                where, more = (beat["host"], beat["pid"]), (beat["rate"], beat["engine"])
                runs.append(OtherRun(name, *where, claimed, training, *more))
            else:  # if it were only slow, it would write its heartbeat again
                with contextlib.suppress(OSError, UserError):
                    self._store.heartbeats.remove(name)
        return runs

    def certainly(self) -> list[OtherRun]:
        """As `alive`, after a wait that tells a run on another machine from one that died there.

        A run of this machine that was killed a moment ago gets the time to disappear, too.
        """
        runs, began = self.alive(), time.monotonic()
        while runs and time.monotonic() < began + (
            _PATIENCE + 1 if any(self._uncertain(run.name) for run in runs) else _MOMENT
        ):
            time.sleep(0.2)
            runs = self.alive()
        return runs

    def _may_be_alive(self, name: str, beat: Mapping[str, Any]) -> bool:
        if beat["host"] == platform.node():
            return _exists(beat["pid"]) and _start_time(beat["pid"]) == beat["began"]
        seen = self._seen.setdefault(name, _Seen(beat["beat"], time.monotonic()))
        if seen.beat != beat["beat"]:
            self._seen[name] = seen = _Seen(beat["beat"], time.monotonic(), changed=True)
        return time.monotonic() - seen.since < _PATIENCE

    def _uncertain(self, name: str) -> bool:
        return name in self._seen and not self._seen[name].changed


@dataclass(frozen=True)
class _Seen:
    """A heartbeat from another machine, when it was first seen so, and whether it had changed."""

    beat: int
    since: float
    changed: bool = False


def refuse_second(store: Store) -> None:
    """Refuse to run a study that another run has in hand.

    Raises:
        UserError: another run is alive.
    """
    if others := LiveRuns(store).certainly():
        raise _already_run_by(store, others[0])


def _already_run_by(store: Store, other: OtherRun) -> UserError:
    return UserError(
        f"{store.study} in {store.uri} is being run already, by {other}; add --join to work on it "
        "together, or wait for that run's end"
    )


def _parsed(content: bytes) -> dict[str, Any] | None:
    """A heartbeat's content; None where it is damaged."""
    kinds = {"host": str, "pid": int, "beat": int, "claimed": list, "training": list, "engine": str}
    try:
        beat = {
            "training": [],
            "rate": None,
            "engine": "",
            **json.loads(content),
        }  # older ones lack these
        whole = all(isinstance(beat[name], kind) for name, kind in kinds.items())
        whole = whole and isinstance(beat["began"], int | None)
        whole = whole and isinstance(beat["rate"], int | float | None)
        ids = [*beat["claimed"], *beat["training"]]
        return beat if whole and all(isinstance(trial_id, str) for trial_id in ids) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _exists(pid: int) -> bool:
    """Whether there is a process of this id on this machine."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _start_time(pid: int) -> int | None:
    """When a process of this machine began, in clock ticks since boot; None if not known.

    With it, a process id that was given out again is not taken for the run's.
    """
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
