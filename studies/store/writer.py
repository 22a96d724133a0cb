"""Buffers finished trials, and writes a row in `trials` only after the trial's other rows."""

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from studies.store import Store
from studies.trial import Trial

Row = dict[str, Any]


class Writer:
    """Writes the rows of finished trials in parts, in the order masks, layers, epochs, trials.

    A crash between two tables leaves rows that no trial names, which readers ignore, but never a
    trial without its rows. Rows that cannot be written stay in memory for another try.

    Args:
        store: the study's results.
        seconds: how long a finished trial may wait in memory if `flush_if_due` is called often
            enough.

    Attributes:
        name: the writer's name, which no other writer has.
    """

    def __init__(self, store: Store, seconds: float = 10.0) -> None:
        self.name = secrets.token_hex(6)
        self._store, self._seconds = store, seconds
        self._attempts = self._parts = 0
        #: Rows of the tables that are written before `trials`.
        self._rows: dict[str, list[Row]] = {"masks": [], "layers": [], "epochs": []}
        self._trials: list[Row] = []
        self._networks: list[tuple[str, bytes]] = []
        self._failures: list[tuple[Row, str]] = []
        #: Parts of the buffered trials that are already written, if an earlier try failed halfway.
        self._names: dict[str, list[str]] = {}
        self._flushed = time.monotonic()

    def attempt(self) -> str:
        """Return a new name for an attempt at a trial."""
        self._attempts += 1
        return f"{self.name}-{self._attempts}"

    def add(
        self,
        trial: Trial,
        attempt: str,
        row: Row,
        *,
        epochs: Sequence[Row],
        layers: Sequence[Row],
        masks: Sequence[Row] = (),
    ) -> None:
        """Buffer the rows of a finished trial.

        Args:
            trial: the trial.
            attempt: the attempt's name, from `attempt`.
            row: the columns of `trials` apart from the trial's fields, keys and parts.
            epochs: its rows of `epochs` without keys.
            layers: its rows of `layers` without keys.
            masks: its rows of `masks` without keys; none if masks are not kept.
        """
        key = {"trial_id": trial.trial_id, "attempt": attempt}
        self._names.clear()  # the parts lack the rows of this trial
        for table, rows in (("masks", masks), ("layers", layers), ("epochs", epochs)):
            self._rows[table] += [key | r for r in rows]
        identity = {"trial": trial.canonical, "finished_at": datetime.now(UTC)}
        self._trials.append(key | identity | trial.values() | row)

    def keep(self, trial: Trial, network: bytes) -> None:
        """Buffer the file of a trial's network, which is written before the trial's row."""
        self._networks.append((trial.trial_id, network))

    def fail(self, trial: Trial, attempt: str, host: str, error: str, traceback: str) -> None:
        """Buffer a failed attempt; the next call of `flush_if_due` writes it.

        Args:
            trial: the trial.
            attempt: the attempt's name, from `attempt`.
            host: the machine's name.
            error: what went wrong, in one line.
            traceback: the text of its log.
        """
        row = {
            "trial_id": trial.trial_id,
            "attempt": attempt,
            "trial": trial.canonical,
            "failed_at": datetime.now(UTC),
            "host": host,
            "error": error,
        }
        self._failures.append((row, traceback))

    @property
    def empty(self) -> bool:
        """Whether nothing is buffered."""
        return not (self._trials or self._failures)

    def flush_if_due(self) -> None:
        """Write what is buffered if it has waited long enough or an attempt failed; see `flush`."""
        if self._failures or time.monotonic() - self._flushed > self._seconds:
            self.flush()

    def flush(self) -> None:
        """Write everything that is buffered.

        Raises:
            OSError: writing failed; the rest stays buffered.
        """
        self._flushed = time.monotonic()
        while self._failures:
            row, traceback = self._failures[0]
            log = self._store.log(f"{row['trial_id']}-{row['attempt']}", traceback)
            self._write("failures", [row | {"log": log}])
            del self._failures[0]
        if not self._trials:
            return
        while self._networks:
            self._store.networks.save(*self._networks[0])
            del self._networks[0]
        for table, rows in self._rows.items():
            if (rows or table != "masks") and f"{table}_parts" not in self._names:
                self._names[f"{table}_parts"] = [self._write(table, rows)]
        with_masks = {row["attempt"] for row in self._rows["masks"]}
        unmasked = {name: parts for name, parts in self._names.items() if name != "masks_parts"}
        parts = (self._names if row["attempt"] in with_masks else unmasked for row in self._trials)
        self._write("trials", [row | its for row, its in zip(self._trials, parts, strict=True)])
        self._trials, self._names = [], {}
        self._rows = {table: [] for table in self._rows}

    def _write(self, table: str, rows: list[Row]) -> str:
        self._parts += 1
        return self._store.tables.write(table, rows, self.name, self._parts)
