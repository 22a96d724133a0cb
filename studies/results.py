"""Which trials are finished: one attempt each, proven by intact parts."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from studies.schemas import science
from studies.store import Store

#: Beside the science columns, what must be equal before two attempts have to agree.
_SAME_CONDITIONS = ("engine", "device", "threads", "versions")
_PROOF = ("trial_id", "layers_parts", "epochs_parts")


@dataclass(frozen=True)
class Finished:
    """The finished trials of a study.

    Attributes:
        rows: one row of `trials` per finished trial, the earliest proven attempt.
        damaged: the damaged parts, as (table, part).
        conflicts: ids of trials of which two attempts under the same engine, device and versions
            differ in a science column.
    """

    rows: pa.Table
    damaged: tuple[tuple[str, str], ...]
    conflicts: tuple[str, ...]

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of the finished trials."""
        return frozenset(self.rows["trial_id"].to_pylist())

    def outcomes(self, ids: Collection[str]) -> str:
        """Such as ``; of the finished 2 diverged, 1 dead``; empty where all were completed."""
        pairs = zip(*(self.rows[name].to_pylist() for name in ("trial_id", "outcome")), strict=True)
        counts = Counter(outcome for trial_id, outcome in pairs if trial_id in ids)
        said = [f"{counts[name]} {name}" for name in ("diverged", "dead") if counts[name]]
        return f"; of the finished {', '.join(said)}" if said else ""


def finished(store: Store) -> Finished:
    """The finished trials: those with a row in `trials` whose parts elsewhere are all intact."""
    trials = store.read("trials")
    layers, damaged_layers = store.check("layers")
    epochs, damaged_epochs = store.check("epochs")
    by_table = {"trials": trials.damaged, "layers": damaged_layers, "epochs": damaged_epochs}
    damaged = tuple((table, part) for table, parts in by_table.items() for part in parts)
    # Of the wide rows only those that are wanted are copied, and once.
    rows = trials.rows
    ids, in_layers, in_epochs = (rows[name].to_pylist() for name in _PROOF)
    order = pc.sort_indices(rows, [("finished_at", "ascending"), ("attempt", "ascending")])
    proven = [
        index
        for index in order.to_pylist()
        if layers.issuperset(in_layers[index]) and epochs.issuperset(in_epochs[index])
    ]
    first: dict[str, int] = {}
    for index in proven:
        first.setdefault(ids[index], index)
    attempts = Counter(ids[index] for index in proven)
    repeated = [index for index in proven if attempts[ids[index]] > 1]
    conflicts = _conflicts(rows.take(pa.array(repeated, pa.int64())))
    return Finished(rows.take(pa.array(first.values(), pa.int64())), damaged, conflicts)


def rows_of(store: Store, table: str, parts: Mapping[str, Iterable[str]]) -> pa.Table:
    """The rows of `layers` or `epochs` that belong to the given attempts.

    Args:
        store: the study's results.
        table: ``layers`` or ``epochs``.
        parts: for each attempt the parts that its row of `trials` names. A write that failed
            halfway and was repeated leaves the same rows in a part that no trial names.
    """
    rows = store.read(table).rows
    keys = pc.binary_join_element_wise(rows["attempt"], rows["part"], "/")
    named = [f"{attempt}/{part}" for attempt, names in parts.items() for part in names]
    return rows.filter(pc.is_in(keys, value_set=pa.array(named, pa.string())))


def failed(store: Store, done: frozenset[str]) -> Mapping[str, str]:
    """For each trial that failed and is not finished, the log of its last failure."""
    rows = store.read("failures").rows.sort_by("failed_at")
    pairs = zip(rows["trial_id"].to_pylist(), rows["log"].to_pylist(), strict=True)
    return {trial_id: log for trial_id, log in pairs if trial_id not in done}


def _conflicts(rows: pa.Table) -> tuple[str, ...]:
    """Ids of the trials whose attempts under the same conditions do not agree to the bit."""
    seen: dict[tuple[object, ...], str] = {}
    found: dict[str, None] = {}
    columns = science("trials")
    for row in rows.to_pylist():
        if row["device"] != "cpu":  # on a GPU only statistical equality is promised
            continue
        conditions = (row["trial_id"], *(row[name] for name in _SAME_CONDITIONS))
        figures = repr([row[c] for c in columns])  # where a diverged trial's nan equals itself
        if seen.setdefault(conditions, figures) != figures:
            found[row["trial_id"]] = None
    return tuple(found)
