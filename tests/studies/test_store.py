import hashlib
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studies import strict_yaml
from studies.errors import UserError
from studies.schemas import TABLES, science
from studies.store import Store, definitions, shipped, studies_in
from studies.store.definitions import Finish
from studies.store.finished import failure_logs, failures, finished
from studies.store.folder import Folder
from studies.store.importing import compared
from studies.store.writer import Writer
from studies.study import find, from_mapping, hash_of


def parts(store, table):
    return sorted((Path(store.root) / table).glob("*.parquet"))


def test_a_part_is_named_after_its_bytes(store, trial, record):
    writer = Writer(store)
    record(writer, trial())
    writer.flush()
    (path,) = parts(store, "trials")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert path.name == f"{writer.name}-000003-{digest}.parquet"
    assert pq.read_schema(path).metadata[b"untuned.schema"] == b"1"


def test_a_finished_trial_comes_back_with_its_rows(store, trial, record, rows_of):
    writer = Writer(store)
    record(writer, trial(1))
    record(writer, trial(2))
    assert not parts(store, "trials")  # buffered
    writer.flush()
    done = finished(store)
    assert done.ids == {trial(1).trial_id, trial(2).trial_id}
    assert done.damaged == () == done.conflicts
    row = done.rows.to_pylist()[0]
    assert row["trial"] == trial(1).canonical
    assert row["method"] == "dense"
    assert row["test_correct"] == b"\xff\x80"
    epochs = rows_of(store, "epochs", done)
    assert [(e["trial_id"], e["epoch"]) for e in epochs] == [
        (trial(s).trial_id, e) for s in (1, 2) for e in (0, 1)
    ]


def test_a_network_is_written_with_its_trial(store, trial, record):
    writer = Writer(store)
    writer.keep(trial(1), b"network")
    record(writer, trial(1))
    writer.flush()
    assert store.networks.load(trial(1).trial_id) == b"network"
    (path,) = (Path(store.root) / "networks").iterdir()
    path.write_bytes(b"networ")
    with pytest.raises(UserError, match="damaged"):
        store.networks.load(trial(1).trial_id)


def test_attempts_on_a_gpu_may_differ(store, trial, record):
    writer = Writer(store)
    for accuracy in (0.25, 0.5):
        record(writer, trial(1), device="cuda", test_accuracy=accuracy)
    writer.flush()
    assert finished(store).conflicts == ()


def test_the_buffer_is_written_when_it_has_waited_long_enough(store, trial, record):
    writer = Writer(store, seconds=0.0)
    record(writer, trial())
    writer.flush_if_due()
    assert len(parts(store, "trials")) == 1
    patient = Writer(store, seconds=1e9)
    record(patient, trial(2))
    patient.flush_if_due()
    assert len(parts(store, "trials")) == 1
    patient.fail(trial(3), patient.attempt(), "here", "ValueError: x", "Traceback ...")
    patient.flush_if_due()  # a failure does not wait
    assert len(parts(store, "failures")) == 1


def test_a_trial_without_its_rows_is_not_finished(store, trial, record):
    for seed in (1, 2):
        writer = Writer(store)
        record(writer, trial(seed))
        writer.flush()
    parts(store, "epochs")[0].unlink()
    assert len(finished(store).ids) == 1


def test_a_crash_between_two_tables_leaves_no_trial(store, trial, record):
    # What a writer that dies before its last step leaves behind: rows that no trial names.
    writer = Writer(store)
    record(writer, trial())
    writer.flush()
    parts(store, "trials")[0].unlink()
    assert finished(store).ids == frozenset()


def test_the_earliest_attempt_counts(store, trial, record, rows_of):
    first, second = Writer(store), Writer(store)
    record(first, trial())
    first.flush()
    record(second, trial(), host="elsewhere")
    second.flush()
    done = finished(store)
    assert done.rows["attempt"].to_pylist() == [f"{first.name}-1"]
    assert done.conflicts == ()
    assert len(rows_of(store, "epochs", done)) == 2


def test_a_write_that_failed_halfway_and_was_repeated_counts_once(store, trial, record, rows_of):
    writer = Writer(store)
    record(writer, trial())
    Path(store.root).mkdir()
    (Path(store.root) / "trials").write_text("in the way")  # layers and epochs get through
    with pytest.raises(OSError, match="exist"):
        writer.flush()
    (Path(store.root) / "trials").unlink()
    record(writer, trial(2))
    writer.flush()
    done = finished(store)
    assert len(parts(store, "epochs")) == 2
    assert len(rows_of(store, "epochs", done)) == 2 * 2


@pytest.mark.parametrize(
    ("change", "conflicts"),
    [
        ({"test_accuracy": 0.6}, True),
        ({"test_accuracy": 0.6, "versions": "torch=1"}, False),
        ({"test_accuracy": 0.6, "engine": "other"}, False),
        ({"seconds": 2.0, "host": "elsewhere", "pack_size": 3}, False),
        ({"classes": 10}, False),  # not recorded by the first
    ],
)
def test_attempts_under_the_same_conditions_must_agree(store, trial, record, change, conflicts):
    for final in ({}, change):
        writer = Writer(store)
        record(writer, trial(), **final)
        writer.flush()
    assert finished(store).conflicts == ((trial().trial_id,) if conflicts else ())


def test_finished_trials_come_in_the_order_in_which_they_were_finished(store, trial, record):
    first, second = Writer(store), Writer(store)
    for writer, seed in ((first, 3), (second, 1), (first, 2), (second, 3)):
        record(writer, trial(seed), test_accuracy=0.1 if writer is first else 0.2)
    second.flush()
    first.flush()
    done = finished(store)
    rows = zip(done.rows["seed"].to_pylist(), done.rows["attempt"].to_pylist(), strict=True)
    assert list(rows) == [
        (3, f"{first.name}-1"),
        (1, f"{second.name}-1"),
        (2, f"{first.name}-2"),
    ]
    assert done.conflicts == (trial(3).trial_id,)


@pytest.mark.parametrize("count", [1, 16, 17, 200])
def test_rows_come_back_as_they_were_written(store, layer, count):
    rows = [
        layer | {"trial_id": "a", "attempt": "b-1", "epoch": number, "mask_zero": number**3}
        for number in range(count)
    ]
    name = store.tables.write("layers", rows, "writer", 1)
    empty = dict.fromkeys(TABLES["layers"].names)  # what may be null is
    assert store.tables.read("layers").rows.to_pylist() == [
        empty | row | {"part": name} for row in rows
    ]


def test_checking_holds_few_parts_at_a_time(store, layer, monkeypatch):
    for number in range(40):
        store.tables.write("layers", [layer | {"trial_id": "a", "attempt": "b"}], "writer", number)
    get, lock, held, most = Folder.get, threading.Lock(), 0, 0

    class Content(bytes):
        """A part's bytes that are counted as long as somebody holds them."""

        def __init__(self, _):
            nonlocal held, most
            with lock:
                held += 1
                most = max(most, held)

        def __del__(self):
            nonlocal held
            with lock:
                held -= 1

    monkeypatch.setattr(Folder, "get", lambda self, path: Content(get(self, path)))
    found = store.tables.parts("layers")
    assert (len(found.where), found.damaged, held) == (40, (), 0)
    assert most <= 8


def test_not_a_number_agrees_with_itself(store, trial, record):
    for _ in range(2):
        writer = Writer(store)
        record(writer, trial(), test_loss=float("nan"), outcome="diverged")
        writer.flush()
    assert finished(store).conflicts == ()


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(store, trial, record, position, bit):
    for path in parts(store, "trials"):
        path.unlink()
    writer = Writer(store)
    record(writer, trial())
    writer.flush()
    (path,) = parts(store, "trials")
    content = bytearray(path.read_bytes())
    content[int(position * len(content))] ^= 1 << bit
    path.write_bytes(content)
    done = finished(store)
    assert done.ids == frozenset()
    assert done.damaged == (("trials", path.name),)


@pytest.mark.parametrize("table", ["trials", "epochs", "layers"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign"])
def test_a_damaged_part_costs_its_own_trials_only(store, trial, record, table, damage):
    for seed in (1, 2):
        writer = Writer(store)
        record(writer, trial(seed))
        writer.flush()
    victim = parts(store, table)[0]
    content = {"truncated": victim.read_bytes()[:-20], "empty": b"", "foreign": b"PAR1"}[damage]
    victim.write_bytes(content)
    done = finished(store)
    assert len(done.ids) == 1
    assert done.damaged == ((table, victim.name),)
    assert done.incomplete == {}  # what is damaged is named once, and not as missing
    store.tables.set_aside(table, victim.name)
    again = finished(store)
    assert again.ids == done.ids
    assert again.damaged == ()
    assert (Path(store.root) / "_damaged" / f"{table}-{victim.name}").read_bytes() == content


def test_a_parquet_file_that_is_no_part_is_named(store, trial, record):
    writer = Writer(store)
    record(writer, trial())
    writer.flush()
    (Path(store.root) / "trials" / "mine.parquet").write_bytes(b"x")
    (Path(store.root) / "trials" / "_hidden.parquet").write_bytes(b"x")
    done = finished(store)
    assert (done.damaged, done.foreign) == ((), (("trials", "mine.parquet"),))
    assert done.left_out("own/") == [
        "own/trials/mine.parquet is left out: it is no file that untuned wrote; move it away"
    ]


@pytest.mark.parametrize("table", ["layers", "epochs"])
def test_a_part_that_is_missing_is_named_until_its_trials_are_run_again(
    table, store, trial, record
):
    writer = Writer(store)
    for seed in (1, 2, 3):
        record(writer, trial(seed))
        if seed > 1:
            writer.flush()
    victim = max(parts(store, table), key=lambda path: path.stat().st_size)
    names = store.tables.read("trials").rows
    ids = [row["trial_id"] for row in names.to_pylist() if victim.name in row[f"{table}_parts"]]
    victim.unlink()
    done = finished(store)
    assert done.incomplete == dict.fromkeys(ids, (table, victim.name))
    assert done.left_out() == [
        f"part {table}/{victim.name} is missing, so 2 trials in it are left out; `untuned run` "
        "runs them again"
    ]
    assert not done.ids.intersection(ids)
    for seed in (1, 2, 3):
        record(writer, trial(seed))
    writer.flush()
    assert finished(store).left_out() == []


def test_a_missing_part_of_trials_that_other_results_have_is_not_named(tmp_path, trial, record):
    here, there = (Store(str(tmp_path / name), "own") for name in ("here", "there"))
    for store in (here, there):
        writer = Writer(store)
        record(writer, trial())
        writer.flush()
    (part,) = parts(here, "epochs")
    part.unlink()
    assert finished(here).left_out() == [
        f"part epochs/{part.name} is missing, so 1 trial in it is left out; `untuned run` "
        "runs it again"
    ]
    assert finished(here, there).left_out() == []


def test_results_of_a_newer_schema_are_refused(store):
    import io

    schema = TABLES["failures"].with_metadata({"untuned.schema": "2"})
    buffer = io.BytesIO()
    pq.write_table(schema.empty_table(), buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    folder = Path(store.root) / "failures"
    folder.mkdir(parents=True)
    (folder / f"a-1-{digest}.parquet").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match=r"newer untuned \(schema 2\); upgrade"):
        store.tables.read("failures")


def test_a_nullable_column_may_be_missing(store):
    import io

    schema = TABLES["trials"]
    older = schema.remove(schema.get_field_index("commit"))
    buffer = io.BytesIO()
    pq.write_table(older.empty_table(), buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:16]
    folder = Path(store.root) / "trials"
    folder.mkdir(parents=True)
    (folder / f"a-1-{digest}.parquet").write_bytes(buffer.getvalue())
    contents = store.tables.read("trials")
    assert contents.parts.damaged == ()
    assert contents.rows.schema.field("commit").type == pa.string()


def test_failures_are_told_as_long_as_the_trial_is_not_finished(store, trial, record):
    writer = Writer(store)
    writer.fail(trial(1), writer.attempt(), "here", "ValueError: x", "Traceback ...")
    writer.flush()
    ((trial_id, log),) = failure_logs(store, finished(store).ids).items()
    assert trial_id == trial(1).trial_id
    assert Path(log).read_text() == "Traceback ..."
    record(writer, trial(1))
    writer.flush()
    assert failure_logs(store, finished(store).ids) == {}


def test_all_failures_are_written_though_a_write_fails_between_two(store, trial, monkeypatch):
    writer = Writer(store)
    for seed in (1, 2, 3):
        writer.fail(trial(seed), writer.attempt(), "here", f"ValueError: {seed}", "")
    real, written = Folder.put, []

    def full_after_one(folder, path, content, **options):
        if path.startswith("failures/") and written:
            raise OSError(28, "No space left on device")
        written.extend([path] if path.startswith("failures/") else [])
        real(folder, path, content, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "put", full_after_one)
        with pytest.raises(OSError, match="No space"):
            writer.flush()
    assert list(failures(store, frozenset())) == [trial(1).trial_id]
    writer.flush()
    assert writer.empty
    errors = [row["error"] for row in store.tables.read("failures").rows.to_pylist()]
    assert sorted(errors) == [f"ValueError: {seed}" for seed in (1, 2, 3)]


def test_the_last_failure_counts_whatever_its_writer_is_called(store, trial):
    for name, error in (("f" * 12, "first"), ("0" * 12, "last")):
        writer = Writer(store)
        writer.name = name
        writer.fail(trial(1), writer.attempt(), "here", error, "")
        writer.flush()
    assert failures(store, frozenset())[trial(1).trial_id]["error"] == "last"


def test_definitions_are_kept_in_the_order_they_were_run(store):
    study = find("digits")
    more = study.override(seeds=7)
    for definition in (more, study, more):
        store.definitions.record(definition)
    assert store.definitions.all() == [more, study]
    assert studies_in(str(Path(store.root).parent)) == ["own"]
    assert studies_in(str(Path(store.root) / "nowhere")) == []


def test_what_was_known_elsewhere_is_recorded_as_it_is_given(store, trial, record):
    record(writer := Writer(store), trial())
    writer.flush()
    study, known = find("digits"), {1: frozenset({"0123456789ab"}), 2: frozenset()}
    store.definitions.record(study, known)
    (recorded,) = store.definitions.recorded()
    assert recorded.known == known
    store.definitions.record(study, {1: frozenset()})  # as it was first recorded
    assert store.definitions.recorded() == [recorded]


def test_a_machine_whose_clock_is_behind_does_not_put_its_definition_first(store, monkeypatch):
    study = find("digits")
    *others, last = (study.override(seeds=seeds) for seeds in (7, 8, 9))
    for definition in others:
        store.definitions.record(definition)

    class Behind(datetime):
        @classmethod
        def now(cls, zone):
            return datetime.now(zone) - timedelta(hours=2)

    monkeypatch.setattr(definitions, "datetime", Behind)
    store.definitions.record(last)
    assert store.definitions.all() == [*others, last]
    store.definitions.record(study)
    assert store.definitions.all() == [*others, last, study]


def test_trials_on_tuning_seeds_are_known_as_well(store, trial, record):
    axes = {"network": "lenet-5", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    values = {"name": "own", "seeds": [1], "tuning_seeds": [11], "axes": {**axes, "epochs": 1}}
    record(writer := Writer(store), trial(11))
    record(writer, trial(12))
    writer.flush()
    known = store.definitions.known(from_mapping(values, "test"))
    assert known == {11: {trial(11).trial_id}}


def test_a_trial_was_finished_when_it_first_was_in_any_study_beside(store, trial, record):
    beside = Store(str(Path(store.root).parent), "pen")
    for first, then, seed in ((store, beside, 1), (beside, store, 2)):
        for one in (first, then):
            record(writer := Writer(one), trial(seed))
            writer.flush()
        rows = first.tables.read("trials").rows.to_pylist()
        (at,) = (row["finished_at"] for row in rows if row["seed"] == seed)
        assert store.definitions.finishes()[trial(seed).trial_id] == Finish(seed, at)


def test_a_damaged_definition_is_named(store):
    store.definitions.record(find("digits"))
    (path,) = (Path(store.root) / "definitions").glob("*.yaml")
    path.write_text("nonsense")
    with pytest.raises(UserError, match=f"{path.name}: damaged"):
        store.definitions.all()


def test_nothing_written_is_visible_before_it_is_whole(store, trial, record, monkeypatch):
    writer = Writer(store)
    record(writer, trial())
    monkeypatch.setattr(
        Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(OSError, match="No space left"):
        writer.flush()
    monkeypatch.undo()
    assert not any(path.is_file() for path in Path(store.root).rglob("*"))
    writer.flush()  # what could not be written is still there
    assert len(finished(store).ids) == 1


def test_what_is_tried_again_is_not_written_twice(store, trial, record, monkeypatch):
    writer = Writer(store)
    record(writer, trial())
    real = Folder.put

    def full(folder, path, content, **options):
        if path.startswith("epochs/"):
            raise OSError(28, "No space left on device")
        real(folder, path, content, **options)

    monkeypatch.setattr(Folder, "put", full)
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            writer.flush()
    monkeypatch.undo()
    record(writer, trial(2))  # whose rows are in none of what is written
    writer.flush()
    assert len(finished(store).ids) == 2
    assert len(parts(store, "layers")) == 2


def test_a_part_that_cannot_be_read_just_now_is_not_damaged(store, trial, record, monkeypatch):
    writer = Writer(store)
    record(writer, trial())
    writer.flush()

    def slow_down(*_):
        raise OSError(5, "Input/output error")  # what no real disk here gives on demand

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "get", slow_down)
        with pytest.raises(UserError, match=r"cannot be read .*Input/output error"):
            finished(store)
    assert len(finished(store).ids) == 1


def test_uris_with_options_name_the_study_before_them():
    store = Store("s3://bucket/results/?region=eu-west-1", "own")
    assert store.root == "bucket/results/own"
    assert store.uri == "s3://bucket/results/own?region=eu-west-1"


def test_folders_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written to"):
        Store(str(tmp_path / "file"), "own").check_writable()
    with pytest.raises(UserError, match="give a folder or s3://"):
        Store("nonsense://x", "own")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match="cannot be written to"):
        Store(str(tmp_path), "nowhere").check_writable()
    for results in (tmp_path / "new" / "deep", tmp_path):  # nothing of it stays
        Store(str(results), "own").check_writable()
    assert {path.name for path in tmp_path.iterdir()} == {"file", "nowhere"}


def test_science_and_provenance_are_told_apart():
    assert "test_accuracy" in science("trials")
    assert "test_correct" in science("trials")
    assert not {"seconds", "attempt", "host", "finished_at", "epochs_parts"} & set(
        science("trials")
    )
    assert "train_seconds" not in science("epochs")


def test_a_checkpoint_takes_the_place_of_the_one_before(store):
    assert store.checkpoints.load("abc") is None
    store.checkpoints.save("abc", b"one")
    store.checkpoints.save("abcd", b"another trial's")
    store.checkpoints.save("abc", b"two")
    assert store.checkpoints.load("abc") == b"two"
    folder = store.local_path / "_checkpoints"
    assert len(list(folder.iterdir())) == 2
    store.checkpoints.delete("abc")
    assert store.checkpoints.load("abc") is None
    assert store.checkpoints.load("abcd") == b"another trial's"


def test_the_keys_of_all_checkpoints_are_listed_at_once(store):
    assert store.checkpoints.keys() == frozenset()
    store.checkpoints.save("abc", b"one")
    store.checkpoints.save("abcd", b"another trial's")
    assert store.checkpoints.keys() == {"abc", "abcd"}
    store.checkpoints.delete("abc")
    assert store.checkpoints.keys() == {"abcd"}
    store.checkpoints.delete_all()
    assert store.checkpoints.keys() == frozenset()


def test_a_damaged_checkpoint_is_none(store):
    store.checkpoints.save("abc", b"one")
    (path,) = (store.local_path / "_checkpoints").iterdir()
    path.write_bytes(b"onE")
    assert store.checkpoints.load("abc") is None


def test_results_from_before_a_field_existed_have_its_default(store, trial, record, monkeypatch):
    from studies.store import tables as module

    late = ("width", "affine", "schedule", "continued_from")
    whole = dict(module.TABLES)
    early = [about for about in whole["trials"] if about.name not in late]
    schema = pa.schema(early, metadata=whole["trials"].metadata)
    with monkeypatch.context() as patch:
        patch.setitem(module.TABLES, "trials", schema)
        writer = Writer(store)
        record(writer, trial())
        writer.flush()
    (row,) = store.tables.read("trials").rows.to_pylist()
    assert [row[name] for name in late] == [1.0, False, "constant", None]
    assert row["trial_id"] == trial().trial_id


def test_what_was_read_before_is_kept_and_brought_up_to_date(store, trial, record, monkeypatch):
    kept = {}
    for seed in (1, 2):
        writer = Writer(store)
        record(writer, trial(seed))
        writer.flush()
        rows = store.tables.read("trials", ["trial_id", "seed"], kept).rows
        assert sorted(rows["seed"].to_pylist()) == [*range(1, seed + 1)]
        assert rows.column_names == ["trial_id", "seed", "part"]
        assert len(kept) == seed
    parts(store, "trials")[0].unlink()
    monkeypatch.setattr(Folder, "get", None)  # nothing is read any more
    assert len(store.tables.read("trials", ["trial_id", "seed"], kept).rows) == 1


@pytest.mark.parametrize("newer", ["warmup: 3", "grids: [{new_field: [1]}]", "combine: sobol"])
def test_a_definition_of_a_newer_version_is_said_to_be_newer(newer, tmp_path):
    store = Store(str(tmp_path), "digits")
    store.definitions.record(find("digits"))
    (path,) = (tmp_path / "digits" / "definitions").iterdir()
    content = strict_yaml.load(path.read_text())
    content["definition"] |= strict_yaml.load(newer)
    path.unlink()
    path = path.with_stem(hash_of(content["definition"]))
    path.write_text(strict_yaml.dump(content | {"later": "x"}))
    with pytest.raises(UserError, match="was recorded by a newer version of untuned") as error:
        store.definitions.all()
    assert str(path) in str(error.value)
    assert newer.split(":")[0] in str(error.value) or "new_field" in str(error.value)


@pytest.mark.parametrize(
    ("written", "edited"),
    [
        ("margin: 0.5", "margin: 0.6"),
        ("seeds: 5", "seeds: 4"),
        ("- free-pruning", "- edge-popup"),
        ("description:", "decsription:"),
        ("name: digits", "name: digit"),
        ("margin: 0.5", "margin: 2026-12-01"),
        ("margin: 0.5", "5: 0.5"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_definition_that_was_changed_by_hand_is_named(written, edited, ending, tmp_path):
    store = Store(str(tmp_path), "digits")
    store.definitions.record(find("digits"))
    (path,) = (tmp_path / "digits" / "definitions").iterdir()
    text = path.read_text()
    assert written in text
    path.write_text(text.replace("\n", ending).replace(written, edited), newline="")
    with pytest.raises(UserError, match="was changed or renamed after it was recorded") as error:
        store.definitions.all()
    assert str(error.value).startswith(f"{path}: ")
    path.write_text(text.replace("\n", ending), newline="")
    assert store.definitions.all() == [find("digits")]


def test_a_copy_of_a_definition_under_another_name_is_named(tmp_path):
    store = Store(str(tmp_path), "digits")
    store.definitions.record(find("digits"))
    (path,) = (tmp_path / "digits" / "definitions").iterdir()
    path.with_stem("copy").write_text(path.read_text())
    with pytest.raises(UserError, match=r"copy\.yaml: this definition was changed or renamed"):
        store.definitions.all()


@pytest.mark.parametrize("change", [{"keep_masks": False}, {"margin": 1}, {"data": {}}])
def test_a_definition_that_another_version_wrote_differently_is_read(change, tmp_path):
    """Its name is the hash of what that version wrote, or of what this one would write."""
    store = Store(str(tmp_path), "digits")
    store.definitions.record(find("digits"))
    (path,) = (tmp_path / "digits" / "definitions").iterdir()
    content = strict_yaml.load(path.read_text())
    content["definition"] |= change
    path.unlink()
    path.with_stem(hash_of(content["definition"])).write_text(strict_yaml.dump(content))
    (read,) = store.definitions.all()
    assert read.trials() == find("digits").trials()


def test_a_definition_in_two_forms_is_one(tmp_path):
    """Neither a run nor an import records again what another version recorded in its own form."""
    store, other = Store(str(tmp_path), "digits"), Store(str(tmp_path / "other"), "digits")
    store.definitions.record(find("digits"))
    (recorded,) = store.definitions.recorded()
    (path,) = (tmp_path / "digits" / "definitions").iterdir()
    content = strict_yaml.load(path.read_text())
    content["definition"] |= {"keep_masks": False}
    older = path.with_stem(hash_of(content["definition"]))
    older.write_text(strict_yaml.dump(content))
    assert store.definitions.recorded() == [recorded]  # in both files
    path.unlink()
    assert store.definitions.path(find("digits")) == str(older)
    store.definitions.record(find("digits"))
    assert list(older.parent.iterdir()) == [older]
    other.definitions.put(replace(recorded, at="2020-01-01T00:00:00+00:00"))
    compared(other, store).run()
    assert store.definitions.recorded()[0].at == "2020-01-01T00:00:00+00:00"
    assert list(older.parent.iterdir()) == [path]


def test_the_data_of_a_definition_may_be_moved(tmp_path):
    store = Store(str(tmp_path), "digits")
    store.definitions.record(find("digits"))
    (path,) = (tmp_path / "digits" / "definitions").iterdir()
    content = strict_yaml.load(path.read_text())
    content["definition"]["data"] = {"digits": "folder:/elsewhere"}
    path.write_text(strict_yaml.dump(content))
    (read,) = store.definitions.all()
    assert read.data == {"digits": "folder:/elsewhere"}


def test_the_names_of_shipped_definitions_are_their_hashes():
    for name in shipped.names():
        store = shipped.store(name)
        files = {path.stem for path in (Path(store.root) / "definitions").glob("*.yaml")}
        assert files == {study.definition_hash for study in store.definitions.all()}
