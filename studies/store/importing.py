"""Takes trials over from other results: by id, with all of their rows and their provenance.

The rows of a trial are copied as they are; only the names of the parts that hold them are new.
Definitions are written first, then the other tables, then `trials`. So an import that is
interrupted leaves rows that no trial names, which readers ignore, and the same import goes on from
there.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from studies.errors import UserError
from studies.schemas import TABLES
from studies.store import Store
from studies.store.definitions import Recorded
from studies.store.finished import Finished, differing, finished
from studies.store.part_files import digest
from studies.store.registers import Register, joined

#: Trials whose rows are in memory at once, and become one part of each table.
MOST = 500
#: The tables that are written before `trials`.
_BEFORE = ("masks", "layers", "epochs")


@dataclass(frozen=True)
class Import:
    """What one study's results lack that others have.

    Attributes:
        source: the results that are read.
        target: the results that are written.
        done: the finished trials of `source`.
        ids: of the trials that are to be taken over, in the order in which they finished.
        already: number of the wanted trials that `target` has.
        not_wanted: number of the trials of `source` that nobody asks for.
        definitions: the definitions that are to be written, as they will be recorded.
        conflicts: ids of trials that both have with other figures, under the same conditions on a
            CPU. They are not taken over.
    """

    source: Store
    target: Store
    done: Finished
    ids: tuple[str, ...]
    already: int
    not_wanted: int
    definitions: tuple[Recorded, ...]
    conflicts: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take over."""
        return not (self.ids or self.definitions)

    def run(self, most: int = MOST) -> None:
        """Take over what was found.

        Args:
            most: trials whose rows are in memory at once.

        Raises:
            UserError: the results cannot be read.
            OSError: they cannot be written. What is written already stays and is whole.
        """
        for recorded in self.definitions:
            self.target.definitions.put(recorded)
        self.target.forgotten.add(self.source.forgotten.all())
        networks = self.source.networks.ids()
        for rows in self._chunks(most):
            for trial_id in networks.intersection(rows["trial_id"].to_pylist()):
                if network := self.source.networks.load(trial_id):
                    self.target.networks.save(trial_id, network)
            copy(self.source, self.done, rows, self.target)

    def _chunks(self, most: int) -> Iterator[pa.Table]:
        """Yield rows of `trials` in the order in which they finished, so mostly part by part."""
        ids = pa.array(self.ids, pa.string())
        rows = self.done.rows.filter(pc.is_in(self.done.rows["trial_id"], ids))
        for start in range(0, len(rows), most):
            yield rows.slice(start, most)


def compared(source: Store, target: Store, wanted: Collection[str] | None = None) -> Import:
    """Find out what a study's results lack that others have.

    Args:
        source: the results to take from.
        target: the results of the study.
        wanted: ids of the trials to take over if the source is another study; None for the same
            study, whose trials and definitions are all taken over.

    Raises:
        UserError: the results cannot be read, or were trained on other images.
    """
    done, here = finished(source, masks=True), finished(target, masks=True)
    _check_images(source, done, here)
    every = done.rows["trial_id"].to_pylist()
    asked = [trial_id for trial_id in every if wanted is None or trial_id in wanted]
    lacking_masks = done.ids_with_masks - here.ids_with_masks
    lacking = [t for t in asked if t not in here.ids or t in lacking_masks]
    others = frozenset(differing(here, done)).intersection(asked)
    return Import(
        source=source,
        target=target,
        done=done,
        ids=tuple(trial_id for trial_id in lacking if trial_id not in others),
        already=len(asked) - len(lacking),
        not_wanted=len(every) - len(asked),
        definitions=_definitions(source, target, None if wanted is None else asked),
        conflicts=tuple(sorted(others)),
    )


def _definitions(source: Store, target: Store, asked: Sequence[str] | None) -> tuple[Recorded, ...]:
    """Return the definitions that are new, or of which more was known than is recorded here.

    Args:
        source: the results that are read.
        target: the results that are written.
        asked: if the source is another study, the trials that are taken from it: none of its
            definitions is taken over, but these trials count as known.
    """
    here, there = Register.of(target), Register.of(source)
    if asked is not None:
        there = Register((), {trial_id: there.finishes[trial_id] for trial_id in asked})
    before = {recorded.study.definition_hash: recorded for recorded in here.definitions}
    return tuple(
        recorded
        for recorded in joined(here, there)
        if not _same(recorded, before.get(recorded.study.definition_hash))
    )


def _same(recorded: Recorded, other: Recorded | None) -> bool:
    return other is not None and (recorded.at, recorded.known) == (other.at, other.known)


def _check_images(source: Store, done: Finished, here: Finished) -> None:
    """Refuse trials that were trained on other images than those that are here.

    Raises:
        UserError: the fingerprints of a data set differ.
    """
    ours = here.fingerprints()
    for name, fingerprint in done.fingerprints().items():
        if ours.get(name, fingerprint) != fingerprint:
            raise UserError(
                f"results {source.uri}: their data set {name} has other images (fingerprint "
                f"{fingerprint}) than that of the results here ({ours[name]}); keep them apart, in "
                "another results folder (untuned run --no-shipped does not need them)"
            )


def copy(source: Store, done: Finished, trials: pa.Table, target: Store) -> None:
    """Write the rows of some finished trials to other results, as one part of each table.

    Args:
        source: the results that they are in.
        done: its finished trials; without masks, these are left out.
        trials: rows of `done.rows`.
        target: the results that they are written to.

    Raises:
        OSError: a part could not be written; then no trial of these is recorded.
    """
    attempts = sorted(trials["attempt"].to_pylist())
    # The same trials give the same part, so a repeated import leaves nothing twice.
    writer = digest("\n".join(attempts).encode())[:12]
    trials = trials.drop_columns("part").sort_by([("trial_id", "ascending")])
    for table in _BEFORE:
        column = f"{table}_parts"
        origins = trials[column].to_pylist()
        if table not in done.where:
            name = None
        elif any(origins):
            name = target.tables.write_rows(table, _rows_of(source, done, table, trials), writer)
        else:
            continue
        field = TABLES["trials"].field(column)
        names = [name and [name] if named else named for named in origins]
        trials = trials.set_column(
            trials.column_names.index(column), field, pa.array(names, field.type)
        )
    target.tables.write_rows("trials", _as_declared("trials", trials), writer)


def _rows_of(source: Store, done: Finished, table: str, trials: pa.Table) -> pa.Table:
    """Return the rows of a table that some trials name, without those of other attempts."""
    attempts = trials["attempt"].to_pylist()
    named = zip(attempts, trials[f"{table}_parts"].to_pylist(), strict=True)
    where = done.where[table]
    # With the part, because the rows of an origin may be in two merged parts, see `Finished.keys`.
    keys = [(a, origin, where[origin]) for a, origins in named for origin in set(origins or ())]
    parts = {part for _, _, part in keys}
    attempts = pa.array(attempts, pa.string())
    found = source.tables.dataset(table, parts).to_table(filter=pc.field("attempt").isin(attempts))
    origin = pc.coalesce(found["merged_from"], found["part"])
    texts = pc.binary_join_element_wise(found["attempt"], origin, found["part"], "/")
    rows = found.filter(pc.is_in(texts, pa.array(["/".join(key) for key in keys], pa.string())))
    keys_of_row = ("trial_id", "attempt", "epoch", "layer")
    order = [(name, "ascending") for name in keys_of_row if name in rows.column_names]
    return _as_declared(table, rows.sort_by(order))


def _as_declared(table: str, rows: pa.Table) -> pa.Table:
    """Return rows with exactly the table's schema."""
    schema = TABLES[table]
    return rows.select(schema.names).cast(schema).replace_schema_metadata(schema.metadata)
