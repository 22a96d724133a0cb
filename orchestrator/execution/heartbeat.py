"""Who else runs a study: each run leaves a sign of life with the results, as a courtesy.

Nothing depends on it. Two runs that do not see each other train some trials twice, and each trial
counts once all the same; with it, a second run is told, or joins and leaves the first one's trials
alone. Clocks of different machines are not compared: a sign of life that changes is alive.
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

#: Seconds between two signs of life.
_BEAT = 4.0
#: Seconds after which one that has not changed is taken for a dead one's.
_PATIENCE = 15.0
#: Seconds within which what another run has begun to write is there.
_SETTLE = 0.3
#: Seconds within which the processes of a run that was killed are gone.
_MOMENT = 1.0


@dataclass(frozen=True)
class OtherRun:
    """Another run of the study.

    Attributes:
        name: of its sign of life.
        host: where it runs.
        pid: its process there.
        claimed: ids of the trials that it has in hand or has trained.
        training: ids of those that its workers are at.
        rate: trials a second, None where that is not known yet.
    """

    name: str
    host: str
    pid: int
    claimed: frozenset[str]
    training: frozenset[str] = frozenset()
    rate: float | None = None

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Heartbeat:
    """This run's sign of life, and what the others' say; use it as a context.

    Args:
        store: the study's results.
        name: of the run, as an earlier session made it; its first makes one, and may be refused.
        joins: whether the run works together with others, if there are.

    Attributes:
        name: of the run. Of two that begin at once the one whose name is smaller stays.
        elsewhere: ids of the trials that other runs have in hand.
        rank: how many of the others began before this run.
    """

    def __init__(self, store: Store, name: str = "", *, joins: bool = False) -> None:
        self._store, self._gives_way = store, not (name or joins)
        self.name = name or f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        self._claimed: dict[str, None] = {}
        self._training: list[str] = []
        self._rate: float | None = None
        self._beats, self._alone = 0, False
        self._watch = LiveRuns(store)
        self._ended, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
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
        """Take trials in hand; others, if there are, are told at once."""
        self._claimed |= dict.fromkeys(ids)
        if not self._alone:
            self._wake.set()

    def release(self, ids: Iterable[str]) -> None:
        """Give trials back that are not trained."""
        for trial_id in ids:
            self._claimed.pop(trial_id, None)

    def tell(self, training: Iterable[str], rate: float | None) -> None:
        """Say with the next sign of life what the workers are at, and how many trials a second."""
        self._training, self._rate = list(training), rate

    def refresh(self) -> list[OtherRun]:
        """Look at what the others say now; who they are."""
        others = [other for other in self._watch.alive() if other.name != self.name]
        self.elsewhere = frozenset[str]().union(*(other.claimed for other in others))
        self._alone = not others
        self.rank = sum(other.name < self.name for other in others)
        return others

    def _go_on(self) -> None:
        while True:
            self._wake.wait(_BEAT)
            if self._ended.is_set():
                return
            self._wake.clear()
            with contextlib.suppress(OSError, UserError):  # it is but a courtesy
                self._beat()
                self.refresh()

    def _beat(self) -> None:
        self._beats += 1
        about = {
            "host": platform.node(),
            "pid": os.getpid(),
            "began": _began(os.getpid()),
            "beat": self._beats,
            "claimed": [] if self._alone else list(self._claimed),
            "training": self._training,
            "rate": self._rate,
        }
        self._store.heartbeats.write(self.name, json.dumps(about).encode())


class LiveRuns:
    """Tells which runs of a study are alive.

    Args:
        store: the study's results.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, _Seen] = {}

    def alive(self) -> list[OtherRun]:
        """The runs that are, or may be; the one that began first stands first."""
        found = []
        for name, content in self._store.heartbeats.read_all().items():
            sign = _parsed(content)
            if sign is None:
                continue
            if self._may_be_alive(name, sign):
                claimed, training = frozenset(sign["claimed"]), frozenset(sign["training"])
                about = (sign["host"], sign["pid"], claimed, training, sign["rate"])
                found.append(OtherRun(name, *about))
            else:  # were it only slow, it would give its sign again
                with contextlib.suppress(OSError, UserError):
                    self._store.heartbeats.remove(name)
        return found

    def certainly(self) -> list[OtherRun]:
        """As `alive`, after a wait that tells a run on another machine from one that died there.

        A run of this machine that was killed a moment ago is given the time to be gone, too.
        """
        found, began = self.alive(), time.monotonic()
        while found and time.monotonic() < began + (
            _PATIENCE + 1 if any(self._uncertain(other.name) for other in found) else _MOMENT
        ):
            time.sleep(0.2)
            found = self.alive()
        return found

    def _may_be_alive(self, name: str, sign: Mapping[str, Any]) -> bool:
        if sign["host"] == platform.node():
            return _exists(sign["pid"]) and _began(sign["pid"]) == sign["began"]
        seen = self._seen.setdefault(name, _Seen(sign["beat"], time.monotonic()))
        if seen.beat != sign["beat"]:
            self._seen[name] = seen = _Seen(sign["beat"], time.monotonic(), changed=True)
        return time.monotonic() - seen.since < _PATIENCE

    def _uncertain(self, name: str) -> bool:
        return name in self._seen and not self._seen[name].changed


@dataclass(frozen=True)
class _Seen:
    """A sign of life from another machine, when it was first seen so, and whether it changed."""

    beat: int
    since: float
    changed: bool = False


def refuse_second(store: Store) -> None:
    """See that nobody runs the study.

    Raises:
        UserError: somebody does.
    """
    if others := LiveRuns(store).certainly():
        raise _already_run_by(store, others[0])


def _already_run_by(store: Store, other: OtherRun) -> UserError:
    return UserError(
        f"{store.study} in {store.uri} is being run already, by {other}; add --join to work on it "
        "together, or wait for that run's end"
    )


def _parsed(content: bytes) -> dict[str, Any] | None:
    """What a sign of life says; None where it is damaged."""
    kinds = {"host": str, "pid": int, "beat": int, "claimed": list, "training": list}
    try:
        sign = {"training": [], "rate": None, **json.loads(content)}  # older ones lack these
        whole = all(isinstance(sign[name], kind) for name, kind in kinds.items())
        whole = whole and isinstance(sign["began"], int | None)
        whole = whole and isinstance(sign["rate"], int | float | None)
        ids = [*sign["claimed"], *sign["training"]]
        return sign if whole and all(isinstance(one, str) for one in ids) else None
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


def _began(pid: int) -> int | None:
    """When a process of this machine began, in clock ticks since the start; None if not known.

    So a process id that was given out again is not taken for the run's.
    """
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
