"""Makes the shipped results of a study: all of its trials in one part of each table."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from studies.errors import UserError
from studies.store import Store, shipped
from studies.store.finished import Finished, finished
from studies.store.importing import copy

#: The name of a machine in shipped results, which do not give the machines' own names.
_MACHINE = re.compile(r"machine-(\d+)")


@dataclass(frozen=True)
class Shipped:
    """What was shipped.

    Attributes:
        store: the shipped results.
        trials: how many there are.
        definitions: how many there are.
        bytes: the size of these results.
        all_bytes: the size of all shipped results.
        without_masks: number of trials whose masks were left out.
    """

    store: Store
    trials: int
    definitions: int
    bytes: int
    all_bytes: int
    without_masks: int


def ship(source: Store, *, masks: bool = False) -> Shipped:
    """Write a study's finished trials and definitions to the shipped results, in place of the old.

    Failures, logs, networks and checkpoints are left out, and machines are numbered.

    Args:
        source: the study's results.
        masks: whether to ship the masks, which are most of the bytes where they are kept.

    Raises:
        UserError: there is nothing to ship, it may not be shipped, or it would be too much.
        OSError: it could not be written; the old shipped results stay.
    """
    name, folder = source.study, shipped.folder()
    done = finished(source, masks=masks)
    _check(source, done)
    fresh = folder / f".{name}-new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        target = Store(str(folder), fresh.name)
        for recorded in source.definitions.recorded():
            target.definitions.put(recorded)
        target.forgotten.add(source.forgotten.all())
        if len(done.rows):
            copy(source, done, _with_numbered_machines(done.rows), target)
        others = sum(size(path) for path in folder.glob("[!.]*") if path.name != name)
        if others + size(fresh) > shipped.MOST_BYTES:
            raise UserError(
                f"{name}: {size(fresh):,} bytes, and {others:,} of other studies; shipped results "
                f"may have {shipped.MOST_BYTES:,} bytes in all, leave something out"
            )
        shutil.rmtree(folder / name, ignore_errors=True)
        fresh.rename(folder / name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    kept = sum(bool(parts) for parts in done.rows["masks_parts"].to_pylist())
    return Shipped(
        store=Store(str(folder), name),
        trials=len(done.rows),
        definitions=len(source.definitions.recorded()),
        bytes=size(folder / name),
        all_bytes=size(folder),
        without_masks=0 if masks else kept,
    )


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _check(source: Store, done: Finished) -> None:
    """Refuse to ship what others cannot use, or less than is shipped.

    Raises:
        UserError: why.
    """
    name, definitions = source.study, source.definitions.all()
    if not definitions:
        raise UserError(f"no definition in {source.uri}; run first: untuned run {name}")
    own = sorted({data for definition in definitions for data in definition.data})
    if own:
        raise UserError(f"{name}: nobody else has the images {own[0]!r}; it cannot be shipped")
    if done.damaged or done.conflicts:
        raise UserError(
            f"{name}: {len(done.damaged)} damaged parts and {len(done.conflicts)} trials with two "
            "different results; `untuned status` names them"
        )
    before = shipped.store(name)
    lost = finished(before).ids - done.ids if before else frozenset()
    if before and lost:
        raise UserError(
            f"{name}: {len(lost)} shipped trials are not in {source.uri}; take them over first: "
            f"untuned import {name} --from {before.uri}"
        )


def _with_numbered_machines(rows: pa.Table) -> pa.Table:
    """Return rows of `trials` in which machines have numbers instead of names."""
    hosts = rows["host"].to_pylist()
    taken = [int(match[1]) for match in map(_MACHINE.fullmatch, hosts) if match]
    number = max(taken, default=0)
    names: dict[str, str] = {}
    for host in hosts:
        if host not in names and not _MACHINE.fullmatch(host):
            number += 1
            names[host] = f"machine-{number}"
    numbered = pa.array([names.get(host, host) for host in hosts], pa.string())
    column = rows.column_names.index("host")
    return rows.set_column(column, rows.schema.field("host"), numbered)
