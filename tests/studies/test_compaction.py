"""Many parts become one, and every reader sees the same rows before, meanwhile and after."""

import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import analysis
from studies.store import Store, compaction, part_files
from studies.store.compaction import compact
from studies.store.finished import finished
from studies.store.tables import Tables
from studies.store.writer import Writer

TABLES = ("layers", "epochs", "trials")


def listed(store, table):
    return sorted(path.name for path in (Path(store.root) / table).glob("*.parquet"))


@pytest.fixture
def everything(rows_of):
    """All that a reader makes of a store, in an order of its own."""

    def read(store):
        done = finished(store)
        found = done.rows.drop_columns("part").sort_by("attempt").to_pylist()
        for table in ("layers", "epochs"):
            rows = [row | {"part": None} for row in rows_of(store, table, done)]
            found += sorted(rows, key=lambda row: (row["attempt"], row["epoch"]))
        return repr(found), done.damaged

    return read


@pytest.fixture
def filled(store, trial, record):
    """Eight trials in a part each, every second by another writer."""
    writers = Writer(store), Writer(store)
    for seed in range(8):
        record(writers[seed % 2], trial(seed))
        writers[seed % 2].flush()
    return store


def test_eight_parts_become_one_with_the_same_rows(filled, everything):
    before = everything(filled)
    done = compact(filled)
    assert {table: (done[table].before, done[table].after) for table in TABLES} == dict.fromkeys(
        TABLES, (8, 1)
    )
    for table in TABLES:
        (name,) = listed(filled, table)
        assert name.startswith(part_files.MERGED)
    assert everything(filled) == before
    assert len(finished(filled).ids) == 8


def test_what_comes_later_is_merged_with_what_was(filled, trial, record, everything):
    compact(filled)
    writer = Writer(filled)
    record(writer, trial(9))
    writer.flush()
    before = everything(filled)
    assert (compact(filled)["epochs"].before, len(listed(filled, "epochs"))) == (2, 1)
    assert everything(filled) == before
    # The last merged part stands for the first writers' parts too, which the trials still name.
    assert len(filled.tables.parts("epochs").where) == 1 + 8 + 1 + 1


def test_merging_again_changes_nothing(filled):
    compact(filled)
    names = listed(filled, "trials")
    compact(filled)
    assert listed(filled, "trials") == names


def test_large_parts_stay_alone(filled, everything):
    size = max(path.stat().st_size for path in (Path(filled.root) / "epochs").iterdir())
    before = everything(filled)
    compact(filled, most=2 * size)  # pairs
    assert len(listed(filled, "epochs")) == 4
    assert everything(filled) == before


def test_a_part_of_more_than_half_the_bytes_stays_as_it_is(filled, everything):
    sizes = {p.name: p.stat().st_size for p in (Path(filled.root) / "epochs").iterdir()}
    before, large = everything(filled), {n for n in sizes if sizes[n] == max(sizes.values())}
    compact(filled, most=2 * max(sizes.values()) - 1)
    assert large == set(listed(filled, "epochs")) & sizes.keys()
    assert everything(filled) == before


def test_replaced_parts_that_are_still_there_are_dropped(filled, monkeypatch, everything):
    before = everything(filled)
    monkeypatch.setattr(Tables, "delete", lambda self, table, names: None)  # it dies before
    compact(filled)
    assert len(listed(filled, "trials")) == 9
    assert len(filled.tables.read("trials").rows) == 8  # no row twice
    assert everything(filled) == before
    replaced = Path(filled.root) / "epochs" / listed(filled, "epochs")[0]
    assert not replaced.name.startswith(part_files.MERGED)
    replaced.write_bytes(b"damaged")  # its rows are in the merged part
    assert everything(filled) == before
    assert finished(filled).conflicts == ()
    monkeypatch.undo()
    assert compact(filled)["trials"] == compaction.Compacted(before=9, after=1)
    assert len(listed(filled, "trials")) == 1
    assert everything(filled) == before


def test_two_at_once_count_every_row_once(filled, monkeypatch, everything):
    before = everything(filled)
    with monkeypatch.context() as patch:
        patch.setattr(Tables, "delete", lambda self, table, names: None)
        compact(filled)
        hidden = {}
        for table in TABLES:  # the second one listed before the first one's parts were visible
            (merged,) = (n for n in listed(filled, table) if n.startswith(part_files.MERGED))
            path = Path(filled.root) / table / merged
            hidden[path] = path.read_bytes()
            path.unlink()
        compact(filled)
    for path, content in hidden.items():
        path.write_bytes(content)
    assert len(listed(filled, "epochs")) == 10
    assert everything(filled) == before


def test_two_at_once_that_saw_different_parts_count_every_row_once(filled, monkeypatch, everything):
    before = everything(filled)
    some = {table: listed(filled, table)[:5] for table in TABLES}
    with monkeypatch.context() as patch:
        patch.setattr(Tables, "delete", lambda self, table, names: None)
        batches = compaction._batches
        patch.setattr(  # the first one sees five parts of each table
            compaction,
            "_batches",
            lambda store, table, names, among, most: batches(
                store, table, [n for n in names if n in some.get(table, names)], among, most
            ),
        )
        compact(filled)
        hidden = {}
        for table in TABLES:
            (merged,) = (n for n in listed(filled, table) if n.startswith(part_files.MERGED))
            path = Path(filled.root) / table / merged
            hidden[path] = path.read_bytes()
            path.unlink()
        last = {table: listed(filled, table)[3:] for table in TABLES}  # five others, two in common
        some.update(last)
        compact(filled)
    for path, content in hidden.items():
        path.write_bytes(content)
    assert everything(filled) == before
    for _ in range(2):  # nor does merging what was merged twice bring them back
        compact(filled)
        assert everything(filled) == before
    loaded = analysis.load(filled.uri)
    assert len(loaded.epochs.df()) == 8 * 2
    assert len(loaded.layers.df()) == 8 * 2


def test_a_merged_part_replaces_those_whose_rows_it_has(filled):
    # The rows of the second part were counted in another merged part, which may be too large to be
    # merged with this one.
    first, second, *_ = sorted(filled.tables.parts("epochs").where)
    rows = filled.tables.read("epochs").rows
    own = rows.filter(pc.field("part") == first).drop_columns("part")
    listed = ["merged-x", first, second]
    origin = pa.chunked_array([[first] * len(own)])
    content = part_files.encode_merged(own, origin, listed)
    assert set(part_files.replaces("merged-y", content)) == {"merged-x", first}


@pytest.mark.parametrize("first", ["merged-a", "merged-b"])
def test_rows_count_in_the_merged_part_that_is_not_merged_again(first):
    merged = {"merged-a": ["p1", "p2"], "merged-b": ["merged-a", "p1", "p2", "p3"]}
    parts = part_files.Parts.of({first: merged[first], **merged})
    assert parts.where == dict.fromkeys(["merged-a", "merged-b", "p1", "p2", "p3"], "merged-b")
    assert parts.replaced == {"merged-a"}


def test_parts_with_columns_of_a_newer_version_stay_as_they_are(filled):
    import pyarrow.parquet as pq

    victim = Path(filled.root) / "epochs" / listed(filled, "epochs")[0]
    rows = pq.read_table(victim)
    newer = rows.append_column("brand_new", [[1.0] * len(rows)])
    pq.write_table(newer.replace_schema_metadata(rows.schema.metadata), victim)
    name = part_files.name_of(victim.read_bytes(), "feed", 1)
    victim.rename(victim.with_name(name))
    filled.tables.write("layers", [], "unnamed", 1)
    writer_rows = filled.tables.read("trials").rows.drop_columns("part").to_pylist()
    for row in writer_rows:  # the trials name the newer part
        row["epochs_parts"] = [name if n == victim.name else n for n in row["epochs_parts"]]
    for old in listed(filled, "trials"):
        (Path(filled.root) / "trials" / old).unlink()
    filled.tables.write("trials", writer_rows, "feed", 2)
    compact(filled)
    assert name in listed(filled, "epochs")
    assert "brand_new" in pq.read_schema(Path(filled.root) / "epochs" / name).names


def test_rows_that_no_trial_names_stay_where_they_are(filled, trial, record, everything):
    rows = filled.tables.read("epochs").rows.drop_columns("part").to_pylist()[:2]
    orphan = filled.tables.write("epochs", rows, "abc", 1)
    before = everything(filled)
    compact(filled)
    assert orphan in listed(filled, "epochs")
    assert len(listed(filled, "epochs")) == 2
    assert everything(filled) == before


def test_parts_stay_if_the_merged_one_does_not_read_back(filled, monkeypatch):
    put, before = Tables.put, {table: listed(filled, table) for table in TABLES}

    def torn(self, table, content, writer, number):
        name = put(self, table, content, writer, number)
        path = Path(filled.root) / table / name
        path.write_bytes(path.read_bytes()[:-1])
        return name

    ids = finished(filled).ids
    monkeypatch.setattr(Tables, "put", torn)
    with pytest.raises(OSError, match="does not read back as it was written"):
        compact(filled)
    assert all({*names} <= {*listed(filled, table)} for table, names in before.items())
    assert finished(filled).ids == ids


def test_a_damaged_part_is_not_merged(filled, everything):
    victim = Path(filled.root) / "layers" / listed(filled, "layers")[0]
    victim.write_bytes(victim.read_bytes()[:-1])
    before = everything(filled)
    compact(filled)
    assert sorted(listed(filled, "layers"))[0] == victim.name
    assert everything(filled) == before
    assert before[1] == (("layers", victim.name),)


def test_a_damaged_merged_part_costs_its_trials(filled):
    compact(filled)
    path = Path(filled.root) / "epochs" / listed(filled, "epochs")[0]
    path.write_bytes(path.read_bytes()[:-1])
    done = finished(filled)
    assert (done.ids, done.damaged) == (frozenset(), (("epochs", path.name),))


def test_readers_meanwhile_see_every_trial(filled, trial, record):
    seen, looked, stop = [], threading.Event(), threading.Event()

    def read():
        while not stop.is_set():
            seen.append(len(finished(Store(filled.root.rpartition("/")[0], "own")).ids))
            looked.set()

    reader = threading.Thread(target=read)
    reader.start()
    looked.wait()
    for size in (4_000, 8_000, 100_000):
        compact(filled, most=size)
    stop.set()
    reader.join()
    assert set(seen) == {8}
