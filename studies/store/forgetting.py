"""Drops trials from a study's results for good.

A part that holds rows of other trials, too, is replaced by one without the dropped rows, as in a
compaction; other parts are deleted. The row in `trials` goes first. So a reader never sees a trial
without its rows, and what an interrupted deletion leaves behind belongs to no trial.
"""

import secrets
from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from studies.errors import UserError
from studies.schemas import TABLES
from studies.store import Store, part_files


def forget(store: Store, attempts: Collection[str]) -> None:
    """Drop attempts at trials from all tables; nothing else may write to the study meanwhile.

    The trials stay known to definitions that are recorded later (`studies.store.forgotten`). A
    trial without any attempt left loses its failures and its network, too.

    Args:
        store: the study's results.
        attempts: the attempts, as the table `trials` names them.

    Raises:
        UserError: the results cannot be read, or were written by a newer version.
        OSError: they cannot be written; forgetting the rest again goes on.
    """
    names = ("trial_id", "attempt", "seed", "finished_at")
    rows = store.tables.read("trials", names).rows.select(names).to_pylist()
    dropped = [row for row in rows if row["attempt"] in attempts]
    store.forgotten.add({row["trial_id"]: (row["seed"], row["finished_at"]) for row in dropped})
    left = {row["trial_id"] for row in rows if row["attempt"] not in attempts}
    gone = {row["trial_id"] for row in dropped} - left
    _drop(store, "trials", {"attempt": attempts})
    for table in ("masks", "layers", "epochs"):
        _drop(store, table, {"attempt": attempts})
    _drop(store, "failures", {"trial_id": gone})
    for trial_id in gone & store.networks.ids():
        store.networks.delete(trial_id)


def _drop(store: Store, table: str, values: Mapping[str, Collection[str]]) -> None:
    """Drop the rows of a table that have one of some values in a column."""
    ((column, unwanted),) = values.items()
    if not unwanted:
        return
    writer = f"{part_files.MERGED}{secrets.token_hex(6)}"
    parts = store.tables.parts(table)
    # Their rows would count again once the part that replaces them is gone.
    store.tables.delete(table, parts.replaced)
    for number, name in enumerate(sorted(set(parts.where.values())), start=1):
        content = store.tables.content(table, name)
        part = part_files.opened(table, name, content)
        if part is None:
            continue
        is_unwanted = pc.is_in(part.rows[column], pa.array(sorted(unwanted), pa.string()))
        if not pc.any(is_unwanted).as_py():
            continue
        if not part.whole:
            raise UserError(
                f"{table}/{name}: written by a newer untuned, whose columns would be lost; upgrade"
            )
        kept = pc.invert(is_unwanted)
        if pc.any(kept).as_py():
            rows = part.rows.filter(kept).replace_schema_metadata(TABLES[table].metadata)
            origin = part.origin or pa.chunked_array([pa.repeat(name, len(part.rows))])
            content = part_files.encode_merged(rows, origin.filter(kept), [name, *part.replaces])
            store.tables.put(table, content, writer, number)
        store.tables.delete(table, [name])
