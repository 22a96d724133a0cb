"""Damaged and hostile results: what is not as it was written is named, and never read."""

import io
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz_support import amounts, damaged, refused

from studies import strict_yaml
from studies.schemas import TABLES
from studies.store import Store, part_files
from studies.store.compaction import compact
from studies.store.finished import failure_logs, finished
from studies.store.writer import Writer
from studies.study import find
from studies.trial import FIELDS, Trial

#: Those that a trial's rows are in, in the order in which they are written.
OF_A_TRIAL = ("layers", "epochs", "trials")
TRIALS = [
    Trial(network="lenet-5", dataset="digits", method="dense", weights="binary", epochs=1, seed=s)
    for s in range(4)
]


def row(table, **values):
    """A row of a table without keys, with a value in every column."""
    plain = {
        pa.string(): "text",
        pa.binary(): b"\xff\x80",
        pa.bool_(): True,
        pa.list_(pa.string()): ["text"],
        pa.list_(pa.int32()): [1, 2],
        pa.timestamp("us", tz="UTC"): datetime(2026, 1, 1, tzinfo=UTC),
    }
    made = {about.name: plain.get(about.type, 1) for about in TABLES[table]}
    return {k: v for k, v in (made | values).items() if k not in ("trial_id", "attempt")}


def write(store):
    """The results of four trials, in two parts of each table by two writers."""
    own = {*FIELDS, "trial", "layers_parts", "epochs_parts", "masks_parts", "finished_at"}
    final = {k: v for k, v in row("trials").items() if k not in own}
    final |= {"device": "cpu", "outcome": "completed"}  # last_epoch is 1, as planned
    for number in (0, 2):
        writer = Writer(store)
        for trial in TRIALS[number : number + 2]:
            rows = {t: [row(t, epoch=e) for e in (0, 1)] for t in ("masks", "layers", "epochs")}
            writer.add(trial, writer.attempt(), final, **rows)
        writer.flush()


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path), "own")
    write(made)
    return made


def folder(store, table):
    return Path(store.root) / table


def listed(store, table):
    return sorted(folder(store, table).glob("*.parquet"))


def rows_of(store, done):
    """Everything that a reader makes of the finished trials, comparable to the bit."""
    found = done.rows.drop_columns("part").sort_by("trial_id").to_pylist()
    for table in ("layers", "epochs"):
        keys = done.keys(table).select(["attempt", "part"]).to_pydict()
        wanted = set(zip(*keys.values(), strict=True))
        rows = store.tables.read(table).rows.to_pylist()
        found += [r | {"part": ""} for r in rows if (r["attempt"], r["part"]) in wanted]
    return Counter(map(repr, found))


def of(seeds):
    return frozenset(TRIALS[seed].trial_id for seed in seeds)


@amounts(40, 4000)
def test_every_damaged_part_is_named_and_its_trials_are_done_again(cases, store, capsys):
    rng, whole = random.Random(1), finished(store)
    assert whole.ids == of(range(4))
    rows = rows_of(store, whole)
    held = {}
    for table in OF_A_TRIAL:
        read = store.tables.read(table).rows
        for path in listed(store, table):
            pairs = zip(read["part"].to_pylist(), read["trial_id"].to_pylist(), strict=True)
            held[path] = frozenset(trial for part, trial in pairs if part == path.name)
    for _ in range(cases):
        victim = rng.choice(sorted(held))
        content = victim.read_bytes()
        victim.write_bytes(damaged(rng, content))
        done = finished(store)
        table = victim.parent.name
        assert done.damaged == ((table, victim.name),)
        assert done.ids == of(range(4)) - held[victim]
        assert victim.name not in store.tables.parts(table).where
        assert victim.name not in store.tables.read(table).rows["part"].to_pylist()
        assert rows_of(store, done) <= rows
        victim.write_bytes(content)
    assert rows_of(store, finished(store)) == rows
    with capsys.disabled():
        print(f"\n{cases} damaged parts: all found, none of their rows read")


def test_parts_in_the_place_of_others(store):
    rows = rows_of(store, finished(store))
    for table in OF_A_TRIAL:
        first, second = listed(store, table)
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())  # a whole part under another one's name
        done = finished(store)
        assert done.damaged == ((table, first.name),)
        assert len(done.ids) == 2
        first.write_bytes(kept)
    assert rows_of(store, finished(store)) == rows


def test_files_that_are_no_parts(store):
    rows = rows_of(store, finished(store))
    for table in OF_A_TRIAL:
        content = listed(store, table)[0].read_bytes()
        for name in ("a.txt", "b.parquet.tmp", "c", ".d.parquet", "_e.parquet", "f.PARQUET"):
            (folder(store, table) / name).write_bytes(content)
        (folder(store, table) / "g.parquet").mkdir()
        (folder(store, table) / "h.parquet").symlink_to("/nowhere")
    done = finished(store)
    assert (done.damaged, rows_of(store, done)) == ((), rows)
    for number, name in enumerate(
        ("mine.parquet", "a-b-c.parquet", "a-1-0123456789abcdeF.parquet")
    ):
        (folder(store, "trials") / name).write_bytes(content)
        done = finished(store)
        assert (len(done.foreign), done.damaged) == (number + 1, ())
    assert rows_of(store, finished(store)) == rows


@pytest.mark.parametrize("table", OF_A_TRIAL)
def test_a_renamed_part_is_not_counted_twice_and_not_for_another(store, table):
    rows, path = rows_of(store, finished(store)), listed(store, table)[0]
    copy = path.with_name("feed-000009" + path.name[-25:])
    copy.write_bytes(path.read_bytes())
    done = finished(store)
    assert (done.damaged, done.conflicts, rows_of(store, done)) == ((), (), rows)
    path.unlink()
    done = finished(store)
    assert done.damaged == ()
    assert len(done.ids) == (4 if table == "trials" else 2)
    assert rows_of(store, done) <= rows
    copy.rename(path.with_name("merged00-000001" + path.name[-25:]))
    assert finished(store).damaged == ((table, "merged00-000001" + path.name[-25:]),)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("other", OF_A_TRIAL)
def test_a_part_of_another_table_is_no_part_of_this_one(store, table, other):
    if table == other:
        return
    rows = rows_of(store, finished(store))
    path = listed(store, other)[0]
    folder(store, table).mkdir(exist_ok=True)
    (folder(store, table) / path.name).write_bytes(path.read_bytes())
    assert path.name in store.tables.read(table).parts.damaged
    assert path.name not in store.tables.read(table).rows["part"].to_pylist()
    done = finished(store)
    assert rows_of(store, done) == rows
    assert failure_logs(store, frozenset()) == {}
    path.unlink()
    assert len(finished(store).ids) == 2


def named(table, content, writer="feed"):
    """A part's name, true to its bytes."""
    return part_files.name_of(content, writer, 7)


def encoded(rows):
    buffer = io.BytesIO()
    pq.write_table(rows, buffer)
    return buffer.getvalue()


def plant(store, table, content, writer="feed"):
    path = folder(store, table) / named(table, content, writer)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def retyped(rows, name, kind):
    index = rows.schema.get_field_index(name)
    return rows.set_column(index, pa.field(name, kind), pa.nulls(len(rows), kind))


def spoiled(rows, name, bad):
    """Text that is no UTF-8, as only a broken or hostile writer makes it."""
    index = rows.schema.get_field_index(name)
    kind = rows.schema.field(name)
    column = pa.array([bad] * len(rows), pa.binary()).cast(pa.binary())
    raw = pa.Array.from_buffers(pa.string(), len(column), column.buffers())
    return rows.set_column(index, kind, raw)


def hostile(table, rows):
    """Files that are no part of a table, by what is wrong with them."""
    about, last = rows.schema.metadata, TABLES[table].names[-1]
    required = [f.name for f in TABLES[table] if not f.nullable]
    return {
        "no Parquet": b"PAR1 hello PAR1",
        "empty": b"",
        "other columns": encoded(pa.table({"a": [1]}, metadata=about)),
        "no columns": encoded(pa.table({}, metadata=about)),
        "no version": encoded(rows.replace_schema_metadata({})),
        "version that is none": encoded(
            rows.replace_schema_metadata({"untuned.schema": "x" * 5000})
        ),
        "version of many digits": encoded(
            rows.replace_schema_metadata({"untuned.schema": "9" * 5000})
        ),
        "version 0": encoded(rows.replace_schema_metadata({"untuned.schema": "0"})),
        "a column less": encoded(rows.drop_columns(required[-1])),
        "a column twice": encoded(rows.append_column(last, rows[last])),
        "ids that are numbers": encoded(retyped(rows, "trial_id", pa.int64())),
        "no ids": encoded(retyped(rows, "trial_id", pa.string())),
        "lists for numbers": encoded(retyped(rows, required[-1], pa.list_(pa.int64()))),
        "text for whole rows": encoded(
            pa.table([pa.array(["1"])] * len(rows.columns), names=rows.column_names, metadata=about)
        ),
        "ids that are no UTF-8": encoded(spoiled(rows, "trial_id", b"\xff\xfe")),
        "a merged part's column": encoded(
            rows.append_column("merged_from", pa.array(["x"] * len(rows)))
        ),
    }


def merged(rows, listed, origin, kind=None):
    """A merged part's bytes: rows, what it says it replaces, and what they come from."""
    said = listed if isinstance(listed, bytes) else json.dumps(listed).encode()
    about = {**rows.schema.metadata, b"untuned.replaces": said}
    column = pa.array([origin] * len(rows), kind or pa.string())
    return encoded(rows.append_column("merged_from", column).replace_schema_metadata(about))


@pytest.mark.parametrize("table", OF_A_TRIAL)
def test_a_hostile_part_is_damaged_although_it_has_its_hash(store, table):
    rows = rows_of(store, finished(store))
    own = pq.read_table(listed(store, table)[0])
    planted = {}
    for what, content in hostile(table, own).items():
        path = planted[what] = plant(store, table, content)
        assert store.tables.read(table).parts.damaged == (path.name,), what
        done = finished(store)
        assert (done.ids, rows_of(store, done)) == (of(range(4)), rows), what
        assert all(part == path.name for _, part in done.damaged), what
        path.unlink()
    for what, content in hostile(table, own).items():
        assert plant(store, table, content) == planted[what]
    compact(store)  # which leaves them alone, all at once
    assert rows_of(store, finished(store)) == rows
    assert all(path.exists() for path in planted.values())


@pytest.mark.parametrize("table", OF_A_TRIAL)
def test_what_a_hostile_merged_part_says_is_not_believed(store, table):
    done = finished(store)
    rows, own = rows_of(store, done), pq.read_table(listed(store, table)[0])
    every = [path.name for path in listed(store, table)]
    claims = {
        "no JSON": (b"[", None),
        "no UTF-8": (b'["\xff"]', None),
        "deep JSON": (b"[" * 100_000, None),
        "a number": (5, None),
        "nothing": (None, None),
        "numbers": ([1, 2], None),
        "lists": ([[every[0]]], None),
        "nulls": ([None], None),
        "a name with a surrogate": (b'["\\ud800"]', None),
        "everything, of which it has nothing": (every, None),
        "everything, from elsewhere": (every, "nowhere"),
        "itself": (["merged00-000007-0123456789abcdef.parquet"], None),
        "a mapping": (dict.fromkeys(every, 1), None),
        "one long text": (every[0], None),
    }
    kept = {p: p.read_bytes() for name in OF_A_TRIAL for p in listed(store, name)}
    for what, (said, origin) in claims.items():
        path = plant(store, table, merged(own, said, origin), "merged00")
        assert path.name not in store.tables.read(table).rows["part"].to_pylist(), what
        where = store.tables.parts(table).where
        assert [where[name] for name in every] == every, what
        after = finished(store)
        assert (after.ids, rows_of(store, after)) == (done.ids, rows), what
        if not what.startswith("everything"):
            path.unlink()
            continue
        compact(store)  # which deletes what is replaced
        assert rows_of(store, finished(store)) == rows, what
        for left in [p for name in OF_A_TRIAL for p in listed(store, name)]:
            left.unlink()
        for whole, content in kept.items():
            whole.write_bytes(content)


@pytest.mark.parametrize("writers", [("mergeda", "mergedb"), ("mergedb", "mergeda")])
def test_a_part_that_was_merged_twice_is_counted_where_its_rows_are(store, writers):
    """As two that merge at once leave it: one lists a part whose rows the other has."""
    rows, (p, q) = rows_of(store, finished(store)), listed(store, "epochs")
    first = merged(pq.read_table(p), [p.name], p.name)
    second = merged(pq.read_table(q), [p.name, q.name], q.name)
    for content, writer in zip((first, second), writers, strict=True):
        plant(store, "epochs", content, writer)
    p.unlink()
    q.unlink()
    assert rows_of(store, finished(store)) == rows
    compact(store)
    assert len(listed(store, "epochs")) == 1
    assert rows_of(store, finished(store)) == rows


def test_a_merged_part_without_its_column_or_of_another_type_is_damaged(store):
    rows, own = rows_of(store, finished(store)), pq.read_table(listed(store, "epochs")[0])
    about = {**own.schema.metadata, b"untuned.replaces": b"[]"}
    for content in (
        encoded(own.replace_schema_metadata(about)),
        encoded(own),
        merged(own, ["x"], 1, pa.int64()),
        merged(own, ["x"], ["x"], pa.list_(pa.string())),
    ):
        path = plant(store, "epochs", content, "merged00")
        store.tables.read("epochs")
        assert rows_of(store, finished(store)) == rows
        path.unlink()


def test_a_newer_version_is_refused_in_one_line(store):
    for table in OF_A_TRIAL:
        own = pq.read_table(listed(store, table)[0])
        newer = own.replace_schema_metadata({"untuned.schema": "2"})
        path = plant(store, table, encoded(newer))
        assert f"{path.name}: written by a newer untuned" in refused(store.tables.read, table)
        path.unlink()


@amounts(25, 4000)
def test_any_bytes_may_stand_under_their_own_hash(cases, store, capsys):
    rng, whole = random.Random(2), finished(store)
    rows, ends = rows_of(store, whole), Counter()
    own = {table: listed(store, table)[0].read_bytes() for table in TABLES if table != "failures"}
    for table, content in list(own.items()):
        arrow = pq.read_table(io.BytesIO(content))
        own[f"merged {table}"] = merged(arrow, ["x"], "x")
    for _ in range(cases):
        kind = rng.choice(sorted(own))
        table, writer = kind.split()[-1], "merged00" if kind.startswith("merged") else "feed"
        path = plant(store, table, damaged(rng, own[kind]), writer)
        said = refused(finished, store) or refused(store.tables.read, table)
        if said:
            ends["refused"] += 1
            assert f"{path.name}: written by a newer untuned" in said
        else:
            done = finished(store)
            ends["damaged" if done.damaged else "as good as any"] += 1
            # Rows that are put together on purpose and named after themselves cannot be told from
            # others; but they stand beside them, and never in their place.
            assert table == "trials" or (done.ids, rows_of(store, done)) == (whole.ids, rows)
        path.unlink()
    assert rows_of(store, finished(store)) == rows
    with capsys.disabled():
        print(f"\n{cases} parts under their own hash: {dict(ends)}")


@amounts(60, 3000)
def test_a_definition_is_read_or_named(cases, store, capsys):
    rng, ends = random.Random(3), Counter()
    store.definitions.record(find("digits"))
    (path,) = folder(store, "definitions").glob("*.yaml")
    content = path.read_bytes()
    for _ in range(cases):
        path.write_bytes(damaged(rng, content))
        said = refused(store.definitions.all)
        ends["named" if said else "read"] += 1
        assert not said or f"definitions/{path.name}: " in said
    with capsys.disabled():
        print(f"\n{cases} definitions: {dict(ends)}")


HOSTILE_DEFINITIONS = [
    b"", b"[]", b"3", b"recorded: 1", b"recorded: 1\ndefinition: 2", b"definition: {}",
    b"recorded: x\ndefinition: {name: ../../up, seeds: 1}", b"recorded: &a [*a]\n", b"[" * 5000,
    b"recorded: !!python/object/apply:os.system [id]", b"recorded: \xff", b"recorded: \0",
    b"recorded: !!int ''\ndefinition: {}",
]  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE_DEFINITIONS)
def test_hostile_definitions_are_named(store, content):
    store.definitions.record(find("digits"))
    (folder(store, "definitions") / "0.yaml").write_bytes(content)
    assert "definitions/0.yaml: " in refused(store.definitions.all)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("known", "[9]"), ("known", "[a]"), ("known", "5"), ("known", "{1: [a]}"),
        ("recorded", "0001-01-01T00:00:00+23:59"), ("recorded", "noon"), ("recorded", "{}"),
    ],
)  # fmt: skip
def test_a_definition_whose_record_is_damaged_is_named(key, text, store):
    store.definitions.record(find("digits"))
    (path,) = folder(store, "definitions").glob("*.yaml")
    content = {**strict_yaml.load(path.read_text()), key: None}
    path.write_text(strict_yaml.dump(content).replace(f"{key}: null", f"{key}: {text}"))
    assert f"{path.name}: damaged (" in refused(store.definitions.all)
