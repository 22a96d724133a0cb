"""Buffers finished trials and writes them so that a row in `trials` proves the rest."""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from studies.store import Store
from studies.trial import Trial

Row = dict[str, Any]


class Writer:
    """Writes the rows of finished trials in parts, in the order layers, epochs, trials.

    A crash between two of these leaves rows that no trial names, which readers pass over, and
    never a trial without its rows.

    Args:
        store: where to.
        seconds: how long a finished trial may wait in memory, as far as `flush_if_due` is called.
    """

    def __init__(self, store: Store, seconds: float = 10.0) -> None:
        self.name = secrets.token_hex(6)
        self._store, self._seconds = store, seconds
        self._attempts = self._parts = 0
        self._layers: list[Row] = []
        self._epochs: list[Row] = []
        self._trials: list[Row] = []
        self._flushed = time.monotonic()

    def attempt(self) -> str:
        """A new name for one attempt at a trial."""
        self._attempts += 1
        return f"{self.name}-{self._attempts}"

    def add(
        self, trial: Trial, attempt: str, row: Row, epochs: Sequence[Row], layers: Sequence[Row]
    ) -> None:
        """Take the rows of a finished trial; write what is buffered if it has waited long enough.

        Args:
            trial: the trial.
            attempt: from `attempt`.
            row: the columns of `trials` apart from the trial's fields, keys and parts.
            epochs: its rows of `epochs` without keys.
            layers: its rows of `layers` without keys.

        Raises:
            OSError: writing failed; the rows stay buffered.
        """
        key = {"trial_id": trial.trial_id, "attempt": attempt}
        self._layers += [key | r for r in layers]
        self._epochs += [key | r for r in epochs]
        about = {"trial": trial.canonical, "finished_at": datetime.now(UTC)}
        self._trials.append(key | about | trial.values() | row)
        self.flush_if_due()

    @property
    def empty(self) -> bool:
        """Whether nothing is buffered."""
        return not self._trials

    def flush_if_due(self) -> None:
        """Write what is buffered if it has waited long enough."""
        if time.monotonic() - self._flushed > self._seconds:
            self.flush()

    def flush(self) -> None:
        """Write everything that is buffered."""
        self._flushed = time.monotonic()
        if not self._trials:
            return
        names = {"layers_parts": [self._write("layers", self._layers)]}
        names["epochs_parts"] = [self._write("epochs", self._epochs)]
        self._write("trials", [row | names for row in self._trials])
        self._layers, self._epochs, self._trials = [], [], []

    def fail(self, trial: Trial, attempt: str, host: str, error: str, traceback: str) -> str:
        """Record a failed attempt at once and return where its traceback is."""
        log = self._store.log(f"{trial.trial_id}-{attempt}", traceback)
        row = {
            "trial_id": trial.trial_id,
            "attempt": attempt,
            "trial": trial.canonical,
            "failed_at": datetime.now(UTC),
            "host": host,
            "error": error,
            "log": log,
        }
        self._write("failures", [row])
        return log

    def _write(self, table: str, rows: list[Row]) -> str:
        self._parts += 1
        return self._store.write(table, rows, self.name, self._parts)
