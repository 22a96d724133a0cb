"""Hands Ray Tune one pack after another."""

from typing import Any

from ray.tune.search import Searcher


class Packs(Searcher):
    """Suggests the packs in their order, each once.

    One long ``grid_search`` would be expanded in quadratic time and held in memory.

    Args:
        count: how many packs there are.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count, self._next = count, 0

    def suggest(self, trial_id: str) -> dict[str, Any] | str:  # type: ignore[override]
        """The next pack's index, or that there is none."""
        if self._next >= self._count:
            return str(Searcher.FINISHED)
        self._next += 1
        return {"pack": self._next - 1}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Nothing to learn from a result."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to keep: a run that is taken up again is planned anew from its results."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""
