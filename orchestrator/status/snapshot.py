"""The state of a study at one moment: what is finished, what is in training, what failed.

It comes from the results and the heartbeats alone, so any machine that reaches them can look. Each
part is read once. Unlike `studies.store.finished`, it does not check that a trial's rows in the
other tables are intact: they were written before its row of `trials`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from orchestrator import plan
from orchestrator.execution.live_runs import LiveRuns, OtherRun
from orchestrator.formatting import field_values
from studies.store import Store
from studies.store.part_files import Part
from studies.study import Study

_TRIAL_COLUMNS = (
    "trial_id",
    "attempt",
    "finished_at",
    "test_accuracy",
    "outcome",
    "masks_parts",
)
_FAILURE_COLUMNS = ("trial_id", "error", "log", "failed_at")


@dataclass(frozen=True)
class Cell:
    """The trials that differ in nothing but their seed.

    Attributes:
        fields: the fields that set it apart from the other cells.
        planned: number of trials.
        done: number of trials that are finished.
        training: number of trials that workers are training.
        failed: number of trials whose last attempt failed.
        diverged_or_dead: number of finished trials that diverged or died.
        accuracy: mean test accuracy of the recorded trials that have one, nan without any.
    """

    fields: Mapping[str, str]
    planned: int
    done: int
    training: int
    failed: int
    diverged_or_dead: int
    accuracy: float

    @property
    def label(self) -> str:
        """The fields' values."""
        return ", ".join(field_values(self.fields))


@dataclass(frozen=True)
class Snapshot:
    """A study at one moment.

    Attributes:
        study: its name.
        cells: in the study's order.
        runs: the runs of it that are alive.
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
        """Number of trials that are finished."""
        return sum(cell.done for cell in self.cells)

    @property
    def training(self) -> int:
        """Number of trials that workers are training."""
        return sum(cell.training for cell in self.cells)

    @property
    def failed(self) -> int:
        """Number of trials whose last attempt failed."""
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
            "runs": [
                {"host": run.host, "pid": run.pid, "job": run.job or None, "starting": run.starting}
                for run in self.runs
            ],
            "cells": [
                {
                    **{"fields": dict(cell.fields), "planned": cell.planned, "done": cell.done},
                    **{"training": cell.training, "failed": cell.failed},
                    **{"diverged_or_dead": cell.diverged_or_dead},
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
    """Reads the state of a study again and again.

    Args:
        stores: its results; those that runs write come first.
        fallback: its definitions as long as none was run.
    """

    def __init__(self, stores: Sequence[Store], fallback: Sequence[Study]) -> None:
        self._stores, self._fallback, self._live_runs = stores, list(fallback), LiveRuns(stores[0])
        self._definitions: list[Study] = []
        self._demand = plan.Demand((), frozenset())
        #: Parts that were read before, by table and place; they never change.
        self._parts: dict[tuple[str, str], dict[str, Part | None]] = {}

    def read(self) -> Snapshot:
        """The study as it is now.

        Raises:
            UserError: the results cannot be read just now.
        """
        every = [study for store in self._stores for study in store.definitions.all()]
        unique = {study.definition_hash: study for study in every}
        definitions = list(unique.values()) or self._fallback
        if definitions != self._definitions:
            self._definitions, self._demand = definitions, plan.demand(definitions)
        recorded = self._recorded()
        with_masks = {trial_id for trial_id, row in recorded.items() if row["masks_parts"]}
        todo = self._demand.remaining(recorded.keys(), with_masks)
        missing = frozenset(trial.trial_id for trial in todo)
        rows = sorted(self._rows("failures", _FAILURE_COLUMNS), key=lambda row: row["failed_at"])
        finished_at = {trial_id: row["finished_at"] for trial_id, row in recorded.items()}
        failures = {
            row["trial_id"]: row for row in rows if plan.is_open_failure(row, missing, finished_at)
        }
        runs = self._live_runs.alive()
        training = frozenset[str]().union(*(run.training for run in runs))
        counts = _Counts(recorded, missing, training & missing, failures)
        names, ids_by_cell = plan.cells(self._demand.trials)
        cells = [
            counts.cell(dict(zip(names, values, strict=True)), ids)
            for values, ids in ids_by_cell.items()
        ]
        return Snapshot(self._stores[0].study, cells, runs, failures)

    def _recorded(self) -> dict[str, Mapping[str, Any]]:
        """The row that counts of each recorded trial: one with masks, else the earliest."""
        recorded: dict[str, Mapping[str, Any]] = {}
        rows = self._rows("trials", _TRIAL_COLUMNS)
        for row in sorted(
            rows, key=lambda row: (not row["masks_parts"], row["finished_at"], row["attempt"])
        ):
            recorded.setdefault(row["trial_id"], row)
        return recorded

    def _rows(self, table: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for store in self._stores:
            kept = self._parts.setdefault((table, store.uri), {})
            rows += store.tables.read(table, columns, kept).rows.to_pylist()
        return rows


@dataclass(frozen=True)
class _Counts:
    """What is known of a study's trials, by their ids.

    Attributes:
        recorded: the rows of `trials`.
        missing: those that are still to be trained.
        training: those among them that workers are training.
        failures: the last failure of each trial that failed.
    """

    recorded: Mapping[str, Mapping[str, Any]]
    missing: frozenset[str]
    training: frozenset[str]
    failures: Mapping[str, object]

    def cell(self, fields: Mapping[str, str], ids: Sequence[str]) -> Cell:
        """Count the trials of a cell."""
        rows = [self.recorded[trial_id] for trial_id in ids if trial_id in self.recorded]
        accuracies = [r["test_accuracy"] for r in rows if math.isfinite(r["test_accuracy"])]
        return Cell(
            fields=fields,
            planned=len(ids),
            done=len(ids) - len(self.missing.intersection(ids)),
            training=len(self.training.intersection(ids)),
            failed=sum(trial_id in self.failures for trial_id in ids),
            diverged_or_dead=sum(row["outcome"] != "completed" for row in rows),
            accuracy=fmean(accuracies) if accuracies else math.nan,
        )
