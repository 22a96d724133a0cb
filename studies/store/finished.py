"""Finds the finished trials: one attempt each, proven by intact parts."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from studies.roles import Role
from studies.schemas import science
from studies.store import Store
from studies.store.part_files import NOT_OURS, is_ours
from studies.trial import fields_with

#: Two attempts with equal values in these columns must agree in the science columns.
_SAME_CONDITIONS = ("engine", "device", "threads", "versions")
#: Outcomes of trials that have trained for all of their epochs.
_WHOLE = ("completed", "dead")
_PROVING = ("layers", "epochs", "masks")
_PROOF = ("trial_id", *(f"{table}_parts" for table in _PROVING))


@dataclass(frozen=True)
class Finished:
    """The finished trials of a study.

    Attributes:
        rows: one row of `trials` per finished trial, the earliest proven attempt.
        where: for `layers`, `epochs` and, if they were included, `masks`: the part that each part's
            rows are in now.
        damaged: the damaged parts, as (table, part).
        conflicts: the ids of trials of which two attempts with the same engine, device and
            versions differ in a science column.
        incomplete: the trials whose row names a part that is not there and not damaged either, and
            that no other attempt proves: the part, as (table, part), by the trial's id.
        cut_short: a row per attempt at any other trial that ended before its last epoch without
            having diverged, or with an outcome that this version does not know.
        foreign: files that are not named like a part, as (table, file).
    """

    rows: pa.Table
    where: Mapping[str, Mapping[str, str]]
    damaged: tuple[tuple[str, str], ...]
    conflicts: tuple[str, ...]
    incomplete: Mapping[str, tuple[str, str]]
    cut_short: pa.Table
    foreign: tuple[tuple[str, str], ...]

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of the finished trials."""
        return frozenset(self.rows["trial_id"].to_pylist())

    @cached_property
    def ids_with_masks(self) -> frozenset[str]:
        """The ids of those among them whose masks were kept."""
        columns = (self.rows[name].to_pylist() for name in ("trial_id", "masks_parts"))
        return frozenset(trial_id for trial_id, parts in zip(*columns, strict=True) if parts)

    def left_out(self, place: str = "", elsewhere: Collection[str] = ()) -> list[str]:
        """Return a line on each part that is damaged, missing or foreign, and on trials cut short.

        Args:
            place: what is put before the files' paths, such as a study's name and a slash.
            elsewhere: the ids of trials that are finished in other results.
        """
        lines = [
            f"damaged part {place}{table}/{part} is left out; `untuned run` runs its trials again"
            for table, part in self.damaged
        ]
        lines += [f"{place}{table}/{name} {NOT_OURS}" for table, name in self.foreign]
        missing = Counter(part for trial, part in self.incomplete.items() if trial not in elsewhere)
        for (table, part), count in missing.items():
            lines.append(_missing(f"{place}{table}/{part}", count))
        cut_short = _without(self.cut_short, elsewhere)["trial_id"].unique().to_pylist()
        return lines + [
            f"trial {trial} is left out: it did not end as planned; `untuned run` runs it again"
            for trial in cut_short
        ]

    def joined(self, other: "Finished") -> "Finished":
        """Return these trials and those that only other results of the same study have."""
        if not len(other.rows):
            return self
        lacking = other.ids - self.ids
        is_lacking = pc.is_in(other.rows["trial_id"], pa.array(sorted(lacking), pa.string()))
        return Finished(
            pa.concat_tables([self.rows, other.rows.filter(is_lacking)]),
            {table: {**other.where.get(table, {}), **its} for table, its in self.where.items()},
            self.damaged,
            tuple(dict.fromkeys([*self.conflicts, *differing(self, other)])),
            {t: part for t, part in self.incomplete.items() if t not in other.ids},
            _without(self.cut_short, other.ids),
            self.foreign,
        )

    def row(self, trial_id: str) -> dict[str, Any]:
        """Return a finished trial's row of `trials`."""
        rows = self.rows.filter(pc.field("trial_id") == trial_id).drop_columns("part")
        row: dict[str, Any]
        (row,) = rows.to_pylist()
        return row

    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprint of each data set that finished trials were trained on."""
        fingerprints: dict[str, str] = {}
        for kind in reversed(fields_with(Role.DATA)):  # a data set's own column counts
            columns = (self.rows[name].to_pylist() for name in (kind, f"{kind}_fingerprint"))
            pairs = zip(*columns, strict=True)
            fingerprints |= {name: fingerprint for name, fingerprint in pairs if fingerprint}
        return fingerprints

    def keys(self, table: str) -> pa.Table:
        """Return which rows of a table belong to finished trials: attempt, origin and part.

        `origin` is the part that the attempt's row of `trials` names, `part` the part that its rows
        are counted in. Without the origin some rows would count twice: a write that failed halfway
        and was repeated leaves the same rows in a part that no trial names.
        """
        where = self.where[table]
        named = zip(*(self.rows[n].to_pylist() for n in ("attempt", f"{table}_parts")), strict=True)
        keys = [(a, part, where[part]) for a, names in named for part in set(names or ())]
        columns = zip(*keys, strict=True) if keys else ((), (), ())
        names = ("attempt", "origin", "part")
        return pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, columns, strict=True)})

    def cpu_engines(self) -> list[str]:
        """Return the engine of each trial that was trained on a CPU."""
        columns = (self.rows[name].to_pylist() for name in ("engine", "device"))
        return [engine for engine, device in zip(*columns, strict=True) if device == "cpu"]

    def outcomes(self, ids: Collection[str]) -> str:
        """Return such as ``; of the finished 2 diverged, 1 dead``; empty if all were completed."""
        pairs = zip(*(self.rows[name].to_pylist() for name in ("trial_id", "outcome")), strict=True)
        counts = Counter(outcome for trial_id, outcome in pairs if trial_id in ids)
        phrases = [f"{counts[name]} {name}" for name in ("diverged", "dead") if counts[name]]
        return f"; of the finished {', '.join(phrases)}" if phrases else ""


def finished(store: Store, *others: Store, masks: bool = False) -> Finished:
    """Return the finished trials: those with a row in `trials` whose other parts are all intact.

    Args:
        store: the study's results.
        others: further results of the study, such as the shipped ones; of a trial that several
            have, the first row counts.
        masks: whether to include the masks: an attempt with masks is preferred to one without, and
            an attempt with damaged masks does not count; see `Finished.ids_with_masks`.
    """
    done = _finished(store, masks=masks)
    for other in others:
        done = done.joined(_finished(other, masks=masks))
    return done


def _finished(store: Store, *, masks: bool) -> Finished:
    trials = store.tables.read("trials")
    tables = ("masks", "layers", "epochs") if masks else ("layers", "epochs")
    parts = {"trials": trials.parts} | {table: store.tables.parts(table) for table in tables}
    where = {table: parts[table].where for table in tables}
    unread = [(table, name) for table, its in parts.items() for name in its.damaged]
    damaged = tuple((table, name) for table, name in unread if is_ours(name))
    foreign = tuple((table, name) for table, name in unread if not is_ours(name))
    # The rows are wide: only the needed ones are copied, and only once.
    rows = trials.rows
    ids, *named = (rows[name].to_pylist() for name in _PROOF)
    in_layers, in_epochs, in_masks = named
    order = pc.sort_indices(rows, [("finished_at", "ascending"), ("attempt", "ascending")])
    whole_parts = [
        index
        for index in order.to_pylist()
        if where["layers"].keys() >= set(in_layers[index])
        and where["epochs"].keys() >= set(in_epochs[index])
        and (not masks or where["masks"].keys() >= set(in_masks[index] or ()))
    ]
    ended = _ended_as_planned(rows)
    proven = [index for index in whole_parts if ended[index]]
    if masks:
        proven.sort(key=lambda index: not in_masks[index])
    first: dict[str, int] = {}
    for index in proven:
        first.setdefault(ids[index], index)
    attempts = Counter(ids[index] for index in proven)
    repeated = [index for index in proven if attempts[ids[index]] > 1]
    found = conflicts(_taken(rows, repeated))
    whole = {table: its.where.keys() | set(its.damaged) for table, its in parts.items()}
    incomplete = {
        trial_id: (table, part)
        for trial_id, *names in zip(ids, *named, strict=True)
        for table, of_table in zip(_PROVING, names, strict=True)
        for part in of_table or ()
        if table in where and trial_id not in first and part not in whole[table]
    }
    cut_short = [index for index in whole_parts if ids[index] not in first]
    done, cut = (_taken(rows, list(some)) for some in (first.values(), cut_short))
    return Finished(done, where, damaged, found, incomplete, cut, foreign)


def _ended_as_planned(rows: pa.Table) -> list[bool]:
    """Return which attempts ended as this version knows it: diverged, or after all their epochs.

    A method with several rounds trains for more epochs.
    """
    outcome = rows["outcome"]
    to_the_end = pc.and_(
        pc.is_in(outcome, pa.array(_WHOLE)), pc.greater_equal(rows["last_epoch"], rows["epochs"])
    )
    ended: list[bool] = pc.or_(pc.equal(outcome, "diverged"), to_the_end).to_pylist()
    return ended


def _missing(path: str, trials: int) -> str:
    """Return the line on a part that is not there, in which so many trials were."""
    if trials == 1:
        return f"part {path} is missing, so 1 trial in it is left out; `untuned run` runs it again"
    return (
        f"part {path} is missing, so {trials} trials in it are left out; "
        "`untuned run` runs them again"
    )


def _without(rows: pa.Table, ids: Collection[str]) -> pa.Table:
    """Return the rows of other trials than these."""
    return rows.filter(pc.invert(pc.is_in(rows["trial_id"], pa.array(sorted(ids), pa.string()))))


def differing(one: Finished, other: Finished) -> tuple[str, ...]:
    """Return the ids of trials that two places have with other figures; see `conflicts`."""
    return conflicts(_shared(one, other))


def _shared(one: Finished, other: Finished) -> pa.Table:
    """Return the rows of both places of the trials that both have."""
    ids = pa.array(sorted(one.ids & other.ids), pa.string())
    return pa.concat_tables(
        [done.rows.filter(pc.is_in(done.rows["trial_id"], ids)) for done in (one, other)]
    )


def _taken(rows: pa.Table, indices: Sequence[int]) -> pa.Table:
    """Return the rows of these indices; if there are none, without importing pandas."""
    return rows.take(pa.array(indices, pa.int64())) if indices else rows.slice(0, 0)


def of_trial(store: Store, done: Finished, table: str, row: Mapping[str, Any]) -> pa.Table:
    """Return a finished trial's rows of a table; only the parts that contain them are read.

    Args:
        store: the study's results.
        done: its finished trials.
        table: a key of `done.where`, such as ``layers`` or ``epochs``.
        row: the trial's row of `trials`.
    """
    origins = row[f"{table}_parts"] or []
    parts = store.tables.dataset(table, {done.where[table][part] for part in origins})
    is_own = pc.field("attempt") == row["attempt"]
    origin = pc.coalesce(pc.field("merged_from"), pc.field("part"))
    named = pa.array(origins, pa.string())  # may be empty: masks that were not kept
    rows = parts.to_table(filter=is_own & origin.isin(named))
    return rows.sort_by([(n, "ascending") for n in ("epoch", "layer") if n in rows.column_names])


def failures(store: Store, done: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Return the row of the last failure of each trial that failed and is not finished."""
    rows = store.tables.read("failures").rows.sort_by("failed_at").to_pylist()
    return {row["trial_id"]: row for row in rows if row["trial_id"] not in done}


def failure_logs(store: Store, done: frozenset[str]) -> Mapping[str, str]:
    """Return the log of the last failure of each trial that failed and is not finished."""
    return {trial_id: row["log"] for trial_id, row in failures(store, done).items()}


def failed_attempts(store: Store) -> Mapping[str, str]:
    """Return the trial of each attempt that failed."""
    rows = store.tables.read("failures").rows
    return dict(zip(rows["attempt"].to_pylist(), rows["trial_id"].to_pylist(), strict=True))


def conflicts(rows: pa.Table) -> tuple[str, ...]:
    """Return the ids of trials whose attempts under the same conditions differ in a bit.

    Args:
        rows: rows of `trials`, several for a trial that ran several times.
    """
    seen: dict[tuple[object, ...], dict[str, str]] = {}
    differing: dict[str, None] = {}  # a set that keeps the order
    columns = science("trials")
    for row in rows.select([*_SAME_CONDITIONS, *columns]).to_pylist():
        if row["device"] != "cpu":  # on a GPU only statistical equality is promised
            continue
        conditions = (row["trial_id"], *(row[name] for name in _SAME_CONDITIONS))
        # As text the nan of a diverged trial equals itself. A value that an older version did not
        # record is not a difference.
        figures = {name: repr(row[name]) for name in columns if row[name] is not None}
        first = seen.setdefault(conditions, figures)
        if any(first[name] != figures[name] for name in first.keys() & figures.keys()):
            differing[row["trial_id"]] = None
    return tuple(differing)
