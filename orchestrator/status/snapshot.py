"""A study at a glance, again and again: what is done, what is in training, what failed.

From the results and the signs of life alone, so from any machine that reaches them. Every part of
the results is read once. That a trial's rows in the other tables are intact is not looked at, as
`studies.store.finished.finished` does: they were written before its row of `trials`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from orchestrator import plan
from orchestrator.execution.heartbeat import LiveRuns, OtherRun
from studies.store import Store
from studies.store.part_files import Part
from studies.study import Study
from studies.trial import Trial

_OF_TRIALS = ("trial_id", "test_accuracy", "outcome")
_OF_FAILURES = ("trial_id", "error", "log", "failed_at")


@dataclass(frozen=True)
class Cell:
    """The trials that differ in nothing but their seed.

    Attributes:
        fields: what tells it from the other cells.
        planned: number of trials.
        done: those that are finished.
        training: those that workers are at.
        failed: those that failed last.
        lost: finished ones that diverged or died.
        accuracy: mean test accuracy of the finished ones that have one, nan without any.
    """

    fields: Mapping[str, str]
    planned: int
    done: int
    training: int
    failed: int
    lost: int
    accuracy: float

    @property
    def label(self) -> str:
        """The fields' values."""
        return ", ".join(self.fields.values())


@dataclass(frozen=True)
class Snapshot:
    """A study at one moment.

    Attributes:
        study: its name.
        cells: in the study's order.
        runs: those who run it.
        failures: the last failure of each trial that failed and is not finished, by its id.
    """

    study: str
    cells: Sequence[Cell]
    runs: Sequence[OtherRun]
    failures: Mapping[str, Mapping[str, Any]]

    @property
    def planned(self) -> int:
        """Number of trials."""
        return sum(cell.planned for cell in self.cells)

    @property
    def done(self) -> int:
        """Those that are finished."""
        return sum(cell.done for cell in self.cells)

    @property
    def training(self) -> int:
        """Those that workers are at."""
        return sum(cell.training for cell in self.cells)

    @property
    def failed(self) -> int:
        """Those that failed last."""
        return sum(cell.failed for cell in self.cells)

    @property
    def rate(self) -> float | None:
        """Trials a second of all runs together; None where it is not known."""
        return sum(run.rate for run in self.runs if run.rate) or None

    @property
    def left(self) -> float | None:
        """Seconds to the end at this rate, trials in training counted as half done."""
        if not self.rate:
            return None
        return max(0.0, self.planned - self.done - self.training / 2) / self.rate

    @property
    def ranked(self) -> list[Cell]:
        """The cells with a mean accuracy, the best first."""
        known = [cell for cell in self.cells if math.isfinite(cell.accuracy)]
        return sorted(known, key=lambda cell: -cell.accuracy)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; what is not known is None."""
        return {
            "study": self.study,
            "planned": self.planned,
            "done": self.done,
            "training": self.training,
            "failed": self.failed,
            "trials_per_minute": self.rate and self.rate * 60,
            "seconds_left": self.left,
            "runs": [{"host": run.host, "pid": run.pid} for run in self.runs],
            "cells": [
                {
                    **{"fields": dict(cell.fields), "planned": cell.planned, "done": cell.done},
                    **{"training": cell.training, "failed": cell.failed, "lost": cell.lost},
                    "test_accuracy": cell.accuracy if math.isfinite(cell.accuracy) else None,
                }
                for cell in self.cells
            ],
            "failures": [
                {"trial_id": trial_id, "error": row["error"], "log": row["log"]}
                for trial_id, row in self.failures.items()
            ],
        }


class SnapshotReader:
    """Looks at a study again and again.

    Args:
        store: its results.
        fallback: its definition as long as none was run.
    """

    def __init__(self, store: Store, fallback: Sequence[Study]) -> None:
        self._store, self._fallback, self._watch = store, list(fallback), LiveRuns(store)
        self._definitions: list[Study] = []
        self._trials: list[Trial] = []
        self._kept: dict[str, dict[str, Part | None]] = {"trials": {}, "failures": {}}

    def look(self) -> Snapshot:
        """The study as it is now.

        Raises:
            UserError: the results cannot be read just now.
        """
        self._plan()
        ended = {row["trial_id"]: row for row in self._rows("trials", _OF_TRIALS)}
        rows = self._rows("failures", _OF_FAILURES)
        failures = {
            row["trial_id"]: row
            for row in sorted(rows, key=lambda row: row["failed_at"])
            if row["trial_id"] not in ended
        }
        runs = self._watch.alive()
        training = frozenset[str]().union(*(run.training for run in runs)) - ended.keys()
        cells = self._cells(ended, training, failures)
        return Snapshot(self._store.study, cells, runs, failures)

    def _plan(self) -> None:
        definitions = self._store.definitions.all() or self._fallback
        if definitions != self._definitions:
            self._definitions = definitions
            every = (trial for study in definitions for trial in plan.check(study))
            self._trials = list(dict.fromkeys(every))

    def _rows(self, table: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]]
        rows = self._store.tables.read(table, columns, self._kept[table]).rows.to_pylist()
        return rows

    def _cells(
        self,
        ended: Mapping[str, Mapping[str, Any]],
        training: frozenset[str],
        failures: Mapping[str, object],
    ) -> list[Cell]:
        names, found = plan.cells(self._trials)
        return [
            _cell(dict(zip(names, values, strict=True)), ids, ended, training, failures)
            for values, ids in found.items()
        ]


def _cell(
    fields: Mapping[str, str],
    ids: Sequence[str],
    ended: Mapping[str, Mapping[str, Any]],
    training: frozenset[str],
    failures: Mapping[str, object],
) -> Cell:
    """Count the trials of a cell."""
    done = [ended[one] for one in ids if one in ended]
    known = [row["test_accuracy"] for row in done if math.isfinite(row["test_accuracy"])]
    return Cell(
        fields=fields,
        planned=len(ids),
        done=len(done),
        training=len(training.intersection(ids)),
        failed=sum(one in failures for one in ids),
        lost=sum(row["outcome"] != "completed" for row in done),
        accuracy=fmean(known) if known else math.nan,
    )
