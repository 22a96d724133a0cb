"""Dropped trials are gone from every table, and all other rows stay as they were."""

from pathlib import Path

import pytest

from studies import strict_yaml
from studies.errors import UserError
from studies.store import Store
from studies.store.compaction import compact
from studies.store.finished import failures, finished, of_trial
from studies.store.forgetting import forget
from studies.store.tables import Tables
from studies.store.writer import Writer
from studies.study import from_mapping, hash_of

TABLES = ("masks", "layers", "epochs", "trials")


@pytest.fixture
def filled(store, trial, record, layer):
    """Four trials in two parts with masks, of which the second also failed once."""
    shape = {"epoch": 1, "layer": 0, "layer_name": "fc1", "shape": [2, 3], "kept": b"\xa0"}
    writer = Writer(store)
    for seeds in ((1, 2), (3, 4)):
        for seed in seeds:
            record(writer, trial(seed), masks=[shape])
        writer.flush()
    writer.fail(trial(2), writer.attempt(), "here", "ValueError: x", "Traceback ...")
    writer.flush()
    store.networks.save(trial(2).trial_id, b"two")
    store.networks.save(trial(3).trial_id, b"three")
    return store


def attempts(store, *trials):
    ids = {one.trial_id for one in trials}
    rows = store.tables.read("trials").rows.to_pylist()
    return {row["attempt"] for row in rows if row["trial_id"] in ids}


def rows(store):
    """The rows of each table, without the parts that they are in."""
    found = {}
    for table in (*TABLES, "failures"):
        every = store.tables.read(table).rows.drop_columns("part").to_pylist()
        found[table] = sorted(every, key=lambda row: (row["trial_id"], row.get("epoch", 0)))
    return found


def without(every, *trials):
    ids = {one.trial_id for one in trials}
    return {t: [r for r in its if r["trial_id"] not in ids] for t, its in every.items()}


@pytest.mark.parametrize("merged", [False, True])
def test_a_dropped_trial_is_in_no_table(filled, trial, merged):
    if merged:
        compact(filled)
    before = rows(filled)
    forget(filled, attempts(filled, trial(2)))
    assert rows(filled) == without(before, trial(2))
    assert len(finished(filled, masks=True).ids_with_masks) == 3
    assert filled.networks.ids() == {trial(3).trial_id}
    assert failures(filled, frozenset()) == {}
    # Nothing of it is left on the disk either, under whatever name.
    done = finished(filled, masks=True)
    for kept in done.rows.to_pylist():  # each row is still one of the part that its trial names
        counts = [len(of_trial(filled, done, table, kept)) for table in TABLES[:3]]
        assert counts == [1, 2, 2]
    for table in TABLES:
        names = filled.tables.parts(table).where.values()
        found = filled.tables.dataset(table, set(names)).to_table()["trial_id"].to_pylist()
        assert trial(2).trial_id not in found
        assert len(list((Path(filled.root) / table).iterdir())) == len(set(names))


def test_parts_without_other_trials_are_deleted(filled, trial):
    before = rows(filled)
    forget(filled, attempts(filled, trial(1), trial(2)))
    assert rows(filled) == without(before, trial(1), trial(2))
    assert [len(list((Path(filled.root) / table).iterdir())) for table in TABLES] == [1, 1, 1, 1]
    compact(filled)
    assert rows(filled) == without(before, trial(1), trial(2))
    forget(filled, attempts(filled, trial(3), trial(4)))
    assert finished(filled).ids == frozenset()


@pytest.mark.parametrize("dies_before", TABLES)
def test_an_interrupted_deletion_leaves_no_half_trial(filled, trial, monkeypatch, dies_before):
    before, delete = rows(filled), Tables.delete

    def dying(self, table, names):
        names = list(names)
        if table == dies_before and names:
            raise OSError("gone")
        delete(self, table, names)

    with monkeypatch.context() as patch:
        patch.setattr(Tables, "delete", dying)
        with pytest.raises(OSError, match="gone"):
            forget(filled, attempts(filled, trial(2)))
    done = finished(filled, masks=True)
    assert done.ids == {trial(seed).trial_id for seed in (1, 3, 4)}
    forget(filled, attempts(filled, trial(1)))
    kept = without(before, trial(1), trial(2))
    assert rows(filled)["trials"] == kept["trials"]
    assert finished(filled, masks=True).ids == {trial(seed).trial_id for seed in (3, 4)}


def test_another_attempt_at_a_trial_stays(filled, trial, record):
    writer = Writer(filled)
    record(writer, trial(2), host="there")
    writer.flush()
    other = {r["attempt"] for r in rows(filled)["trials"] if r["host"] == "there"}
    forget(filled, attempts(filled, trial(2)) - other)
    assert finished(filled).row(trial(2).trial_id)["host"] == "there"
    assert filled.networks.ids() == {trial(2).trial_id, trial(3).trial_id}


def test_a_dropped_trial_stays_known(filled, trial):
    forget(filled, attempts(filled, trial(2)))
    axes = {"network": "lenet-5", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    study = from_mapping({"name": "own", "seeds": 2, "axes": {**axes, "epochs": 1}}, "test")
    known = {1: {trial(1).trial_id}, 2: {trial(2).trial_id}}
    assert filled.definitions.known(study) == known
    filled.definitions.record(study)
    (recorded,) = filled.definitions.recorded()
    assert recorded.known == known
    beside = Store(filled.root.rpartition("/")[0], "beside")
    assert beside.definitions.known(study) == known


def test_to_drop_nothing_writes_nothing(filled):
    before = sorted(Path(filled.root).rglob("*"))
    forget(filled, {"no attempt"})
    assert sorted(Path(filled.root).rglob("*")) == before


@pytest.mark.parametrize(
    "content",
    [
        "nothing",
        "forgotten: {a: b}",
        "forgotten: {a: 1 soon}",
        "forgotten: {a: '1 0001-01-01T00:00:00+23:59'}",
    ],
)
def test_a_damaged_register_is_named(filled, content):
    (Path(filled.root) / "forgotten").mkdir()
    (Path(filled.root) / "forgotten/0.yaml").write_text(content)
    with pytest.raises(UserError, match=r"forgotten/0\.yaml: cannot be read or is damaged"):
        filled.forgotten.all()


def test_a_definition_without_a_time_is_damaged(filled):
    (Path(filled.root) / "definitions").mkdir()
    about = "network: lenet-5, dataset: digits, method: dense, weights: he-normal, epochs: 1"
    text = f"recorded: soon\nknown: {{}}\ndefinition: {{name: own, seeds: 1, axes: {{{about}}}}}\n"
    name = hash_of(strict_yaml.load(text)["definition"])
    (Path(filled.root) / f"definitions/{name}.yaml").write_text(text)
    with pytest.raises(UserError, match=rf"definitions/{name}\.yaml: damaged \(ValueError\)"):
        filled.definitions.all()
