"""Which runs of a study are alive, by their heartbeats.

A run on this machine, in this container and boot of it, is alive if its process is. Any other run
is alive if its heartbeat changes while it is watched. No clocks are compared.
"""

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.execution.processes import Identity
from studies.errors import UserError
from studies.store import Store

#: Seconds after which a run whose heartbeat has not changed is taken for dead.
_PATIENCE = 15.0
#: Seconds until the processes of a killed run are gone, and until an orphaned session is: it ends
#: by itself as soon as it notices.
_MOMENT, _ORPHANED = 1.0, 60.0

#: A rate that no run reaches, in trials a second.
_FASTEST = 1e9
#: The entries of a heartbeat, their types, and what those that older versions lack stand for.
_KINDS: dict[str, Any] = {
    "host": str,
    "pid": int,
    "began": int | None,
    "beat": int,
    "claimed": list,
    "training": list,
    "rate": int | float | None,
    "engine": str,
    "boot": str | None,
    "namespace": str | None,
    "driver": int | None,
    "driver_began": int | None,
    "job": str,
    "starting": bool,
    "settled": bool,
}
_LATER: dict[str, Any] = {
    "training": [],
    "rate": None,
    "engine": "",
    "boot": None,
    "namespace": None,
    "driver": None,
    "driver_began": None,
    "job": "",
    "starting": False,
    "settled": True,
}


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
        job: the job of a cluster that it belongs to; empty if it is none.
        starting: whether it does not train yet, or not at the moment.
        settled: whether it stays when another run begins; one that has just begun may give way.
        orphaned: whether the user's process is gone and only its session is left, which ends.
    """

    name: str
    host: str
    pid: int
    claimed: frozenset[str]
    training: frozenset[str] = frozenset()
    rate: float | None = None
    engine: str = ""
    job: str = ""
    starting: bool = False
    settled: bool = True
    orphaned: bool = False

    def __str__(self) -> str:
        process = f"process {self.pid} on {self.host}"
        return f"job {self.job} ({process})" if self.job else process


class LiveRuns:
    """Finds the runs of a study that are alive.

    Args:
        store: the study's results.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, _Seen] = {}

    def alive(self) -> list[OtherRun]:
        """Return the runs that are alive, or may be, sorted by their names."""
        runs = []
        for name, content in self._store.heartbeats.read_all().items():
            beat = _parsed(content)
            if beat is None:
                continue
            if self._may_be_alive(name, beat):
                runs.append(_run(name, beat))
            else:  # if it were only slow, it would write its heartbeat again
                with contextlib.suppress(OSError, UserError):
                    self._store.heartbeats.remove(name)
        return runs

    def certainly(self) -> list[OtherRun]:
        """Return the runs that are alive, as `alive`, after a wait for what is not certain.

        It tells a run on another machine from one that died there, and gives a run of this machine
        that was killed a moment ago the time to disappear.
        """
        runs, began = self.alive(), time.monotonic()
        while runs and time.monotonic() < began + min(self._doubt(run) for run in runs):
            time.sleep(0.2)
            runs = self.alive()
        return runs

    def _may_be_alive(self, name: str, beat: Mapping[str, Any]) -> bool:
        process = _process(beat)
        is_running = process.is_running if process.is_local else None
        if is_running is not None:
            return is_running
        seen = self._seen.setdefault(name, _Seen(beat["beat"], time.monotonic()))
        if seen.beat != beat["beat"]:
            self._seen[name] = seen = _Seen(beat["beat"], time.monotonic(), changed=True)
        return time.monotonic() - seen.since < _PATIENCE

    def _doubt(self, run: OtherRun) -> float:
        """Return for how many seconds a run that looks alive may be dead, or about to end."""
        if run.name in self._seen and not self._seen[run.name].changed:
            return _PATIENCE + 1
        return _ORPHANED if run.orphaned else _MOMENT


@dataclass(frozen=True)
class _Seen:
    """A heartbeat from elsewhere, when it was first seen so, and whether it had changed."""

    beat: int
    since: float
    changed: bool = False


def _process(beat: Mapping[str, Any], pid: str = "pid", began: str = "began") -> Identity:
    return Identity(beat["host"], beat[pid], beat[began], beat["boot"], beat["namespace"])


def _run(name: str, beat: Mapping[str, Any]) -> OtherRun:
    orphaned = False
    if beat["driver"] is not None:
        driver = _process(beat, "driver", "driver_began")
        orphaned = driver.is_local and driver.is_running is False
    return OtherRun(
        name,
        claimed=frozenset(beat["claimed"]),
        training=frozenset(beat["training"]),
        orphaned=orphaned,
        **{key: beat[key] for key in ("host", "pid", "rate", "engine")},
        **{key: beat[key] for key in ("job", "starting", "settled")},
    )


def _parsed(content: bytes) -> dict[str, Any] | None:
    """Return a heartbeat's content; None where it is damaged."""
    try:
        beat = {**_LATER, **json.loads(content)}
        whole = all(isinstance(beat[name], kind) for name, kind in _KINDS.items())
        whole = whole and (beat["rate"] is None or 0 <= beat["rate"] < _FASTEST)  # nan is not
        ids = [*beat["claimed"], *beat["training"]]
        return beat if whole and all(isinstance(trial_id, str) for trial_id in ids) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
