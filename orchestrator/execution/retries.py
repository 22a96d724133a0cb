"""Counts how often each trial failed in a run, and records those whose workers died."""

import contextlib
import platform
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from studies.store import Store
from studies.store.writer import Writer
from studies.trial import Trial

#: Nodes that may die under one trial before it is suspected of that.
_NODES = 10


class Retries:
    """Judges whether trials whose workers died are tried again.

    A worker that dies with its node is not its trial's fault, and is not counted, unless that
    happens to one trial again and again.

    Args:
        store: the study's results, whose table of failures is written to.
        counts: how often each trial has failed in this run, by its id.
        retries: how often a trial that failed is tried again.
        alive: whether a node of the cluster, by its id, is.
    """

    def __init__(
        self,
        store: Store,
        counts: Mapping[str, int],
        retries: int,
        alive: Callable[[str], bool],
    ) -> None:
        self._store, self._retries, self._alive = store, retries, alive
        self._counts, self._with_node = Counter(counts), Counter[str]()
        self._open: dict[str, tuple[Trial, Mapping[str, Any]]] = {}

    def again(self, pack: str, trial: Trial, said: Mapping[str, Any] | None) -> bool:
        """Whether a trial is tried once more after its worker has died.

        Args:
            pack: Ray Tune's name for the pack.
            trial: what the worker was training.
            said: its last report, if there was one.
        """
        if said is None:
            return True
        if not self._alive(said["node"]):
            self._with_node[trial.trial_id] += 1
            if self._with_node[trial.trial_id] <= _NODES:
                return True
        self._counts[trial.trial_id] += 1
        self._open[pack] = (trial, said)
        return self._counts[trial.trial_id] <= self._retries

    def explain(self, pack: str, reason: str) -> bool:
        """Record the failure of a pack's trial, now that its reason is known.

        Returns:
            Whether there was one: a worker that trained a single trial, and not with its node.
        """
        if pack not in self._open:
            return False
        trial, said = self._open.pop(pack)
        words = f"the worker that trained it (process {said.get('pid')} on {said.get('hostname')}) "
        text = f"{trial.canonical}\n\n{words}died:\n{reason}"
        with contextlib.suppress(OSError):  # the count of this round holds even so
            writer = Writer(self._store)
            writer.fail(trial, f"{secrets.token_hex(6)}-1", platform.node(), f"{words}died", text)
            writer.flush()
        return True
