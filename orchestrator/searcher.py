"""Hands Ray Tune one pack after another."""

from dataclasses import asdict
from typing import Any

from ray.tune.search import Searcher

from orchestrator.shares import Pack, Shares


class Packs(Searcher):
    """Suggests packs as long as there are trials left.

    One long ``grid_search`` would be expanded in quadratic time and held in memory, and could not
    go by how long trials take.

    Args:
        shares: the trials that are left.
    """

    def __init__(self, shares: Shares) -> None:
        super().__init__()
        self._shares = shares
        self._out: dict[str, Pack] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """The next pack, or that there is none, or that one may still come back."""
        pack = self._shares.take()
        if pack is None:
            return str(Searcher.FINISHED) if self._shares.ended else None
        self._out[trial_id] = pack
        return asdict(pack)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Take back what a worker has not begun."""
        pack = self._out.pop(trial_id)
        if error or result is None or "at" not in result:
            self._shares.lose()
        else:
            self._shares.give_back(pack, result["at"], result["busy"])

    def save(self, checkpoint_path: str) -> None:
        """Nothing to keep: a run that is taken up again is planned anew from its results."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
