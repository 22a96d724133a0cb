"""Hands Ray Tune one pack after another, and takes back what of a lost one is not done."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from ray.tune.search import Searcher

from orchestrator.execution.heartbeat import Heartbeat
from orchestrator.execution.retries import Retries
from orchestrator.execution.throughput import Throughput
from orchestrator.execution.work_queue import WorkItem, WorkQueue
from studies.trial import Trial

#: Work items in a row that may be lost before their workers report at all; something else is wrong.
_SILENT = 10


class PackScheduler(Searcher):
    """Suggests packs as long as there are trials left.

    One long ``grid_search`` would be expanded in quadratic time and held in memory, and could not
    go by how long trials take.

    Args:
        trials: the trials of the run, in its order.
        shares: cuts them into packs.
        presence: what other runs of the study have in hand, and what this one has.
        losses: judges whether a trial whose worker died is tried again.
    """

    def __init__(
        self, trials: Sequence[Trial], shares: WorkQueue, presence: Heartbeat, losses: Retries
    ) -> None:
        super().__init__()
        self._trials, self._shares = trials, shares
        self._presence, self._losses = presence, losses
        self._out: dict[str, WorkItem] = {}
        self._said: dict[str, dict[str, Any]] = {}
        self._silent, self._pace = 0, Throughput()

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next pack, or that there is none, or that one may still come back."""
        elsewhere = self._presence.elsewhere
        pack = self._shares.take(lambda index: self._trials[index].trial_id in elsewhere)
        if pack is None:
            return str(Searcher.FINISHED) if self._shares.ended else None
        self._presence.claim(self._ids(pack.start, pack.stop))
        self._out[trial_id] = pack
        return asdict(pack)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Keep what a worker said last."""
        self._said[trial_id] = result
        self._silent = 0
        self._pace.note(trial_id, result)
        self._tell()

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Take back what a worker has not begun, or what it was at when it died."""
        pack, said = self._out.pop(trial_id), self._said.pop(trial_id, None)
        self._pace.drop(trial_id)
        if error or result is None or not result.get("done"):
            self._lose(trial_id, pack, said)
            self._presence.release(self._ids(pack.start, pack.stop))
        else:
            self._shares.give_back(pack, result["at"], result["busy"])
            self._presence.release(self._ids(result["at"], pack.stop))
        self._tell()

    def running(self, pid: int, nodes: Collection[str]) -> str | None:
        """The pack that the worker of a process id on one of some nodes was at.

        Returns:
            Ray Tune's name for it.
        """
        for name, said in self._said.items():
            if said.get("pid") == pid and said["node"] in nodes:
                return name
        return None

    def blame(self, trial_id: str) -> None:
        """The worker at a pack was killed for what it was at, and its node goes on."""
        self._losses.again(trial_id, self._trials[self._said[trial_id]["at"]], self._said[trial_id])

    def _tell(self) -> None:
        """Have the run's sign of life say what is in training."""
        training = [i for said in self._said.values() for i in self._ids(said["at"], said["until"])]
        self._presence.tell(training, self._pace.rate())

    def _lose(self, trial_id: str, pack: WorkItem, said: dict[str, Any] | None) -> None:
        at = said or {"written": pack.start, "at": pack.start, "until": pack.stop}
        suspect = self._shares.lose(pack, at["written"], at["at"], at["until"])
        if suspect is not None and self._losses.again(trial_id, self._trials[suspect], said):
            self._shares.again(suspect)
        self._silent += said is None
        if self._silent > _SILENT:
            self._shares.drop()

    def _ids(self, start: int, stop: int) -> list[str]:
        return [trial.trial_id for trial in self._trials[start:stop]]

    def __getstate__(self) -> dict[str, Any]:
        """Ray Tune pickles what it is given, so that it could be taken up again: see `save`."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to keep: a run that is taken up again is planned anew from its results."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
