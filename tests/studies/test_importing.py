"""Trials are taken over from other results with all of their rows, each once."""

import re

import pytest

from studies.errors import UserError
from studies.schemas import TABLES
from studies.store import Store, compaction, importing, part_files
from studies.store.compaction import compact
from studies.store.finished import finished, of_trial
from studies.store.importing import compared
from studies.store.tables import Tables
from studies.store.writer import Writer
from studies.study import from_mapping

PARTS = ("layers_parts", "epochs_parts", "masks_parts", "part")


@pytest.fixture
def other(tmp_path):
    return Store(str(tmp_path / "other"), "own")


@pytest.fixture
def study():
    axes = {"network": "lenet-5", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    return from_mapping({"name": "own", "seeds": 3, "axes": {**axes, "epochs": 1}}, "test")


@pytest.fixture
def mask(layer):
    shape = {"shape": [2, 3], "kept": b"\xa0"}
    return {name: layer[name] for name in ("layer", "layer_name")} | {"epoch": 1} | shape


@pytest.fixture
def filled(other, study, trial, record, mask):
    """Results of three trials in two parts, of which the last has masks, and their definition."""
    other.definitions.record(study)
    writer = Writer(other)
    record(writer, trial(1), commit="abc")
    record(writer, trial(2))
    writer.flush()
    record(writer, trial(3), masks=[mask])
    writer.flush()
    return other


def everything(store):
    """All rows of all finished trials, without the names of parts."""
    done = finished(store, masks=True)
    found = {}
    for row in done.rows.sort_by("trial_id").to_pylist():
        rows = {
            table: [
                {n: v for n, v in one.items() if n in TABLES[table].names}
                for one in of_trial(store, done, table, row).to_pylist()
            ]
            for table in done.where
        }
        found[row["trial_id"]] = ({n: v for n, v in row.items() if n not in PARTS}, rows)
    return found


def names(store):
    return {
        table: sorted(store.tables.parts(table).where) for table in ("trials", "layers", "masks")
    }


def test_all_rows_come_with_their_provenance(filled, store, study, trial):
    found = compared(filled, store)
    assert len(found.ids) == 3
    found.run()
    assert everything(store) == everything(filled)
    assert everything(store)[trial(1).trial_id][0]["commit"] == "abc"
    assert finished(store, masks=True).ids_with_masks == {trial(3).trial_id}
    assert store.definitions.recorded() == filled.definitions.recorded()
    assert [len(parts) for parts in names(store).values()] == [1, 1, 1]


def test_merged_results_come_as_well_and_in_several_chunks(filled, store):
    compact(filled)
    compared(filled, store).run(most=2)
    assert everything(store) == everything(filled)
    assert len(names(store)["trials"]) == 2


def test_rows_in_two_merged_parts_come_once(filled, store, trial, record):
    writer = Writer(filled)
    record(writer, trial(4))
    writer.flush()
    before, seen = everything(filled), filled.tables.parts("layers")
    first, second, third = sorted(seen.where)
    # Two compactions at the same time, of which neither saw what the other one merged.
    for number, names_seen in enumerate(((first, second), (second, third))):
        batch = compaction._Batch()
        for name in names_seen:
            content = filled.tables.content("layers", name)
            part = part_files.opened("layers", name, content)
            batch.add(name, len(content), part, seen)
        filled.tables.put("layers", batch.encoded(), f"{part_files.MERGED}{number}", 1)
    filled.tables.delete("layers", [first, second, third])
    assert everything(filled) == before
    compared(filled, store).run()
    assert everything(store) == before


def test_an_import_is_repeated_without_effect(filled, store, trial, record):
    compared(filled, store).run()
    before = names(store)
    again = compared(filled, store)
    assert (again.is_empty, again.already) == (True, 3)
    again.run()
    assert names(store) == before
    writer = Writer(filled)
    record(writer, trial(4))
    writer.flush()
    later = compared(filled, store)
    assert later.ids == (trial(4).trial_id,)
    later.run()
    assert everything(store) == everything(filled)


@pytest.mark.parametrize("dies_at", ["masks", "layers", "epochs", "trials"])
def test_an_interrupted_import_leaves_no_half_trial_and_goes_on(
    filled, store, monkeypatch, dies_at
):
    write = Tables.write_rows

    def dying(self, table, rows, writer):
        if table == dies_at:
            raise OSError("no space")
        return write(self, table, rows, writer)

    with monkeypatch.context() as patch:
        patch.setattr(Tables, "write_rows", dying)
        with pytest.raises(OSError, match="no space"):
            compared(filled, store).run()
    assert everything(store) == {}
    compared(filled, store).run()
    assert everything(store) == everything(filled)
    # What the first try wrote has the same name in the second, so nothing is left over.
    assert all(len(parts) == 1 for parts in names(store).values())


def test_a_trial_with_other_figures_under_the_same_conditions_stays_as_it_is_here(
    filled, store, trial, record
):
    writer = Writer(store)
    record(writer, trial(1), test_accuracy=0.25)
    record(writer, trial(2), test_accuracy=0.25, versions="torch=1")
    writer.flush()
    found = compared(filled, store)
    assert found.conflicts == (trial(1).trial_id,)
    assert found.ids == (trial(3).trial_id,)
    found.run()
    accuracies = {t: row["test_accuracy"] for t, (row, _) in everything(store).items()}
    assert accuracies == {trial(1).trial_id: 0.25, trial(2).trial_id: 0.25, trial(3).trial_id: 0.5}


def test_masks_of_a_trial_with_other_figures_are_not_taken_over(filled, store, trial, record):
    writer = Writer(store)
    record(writer, trial(3), test_accuracy=0.25)  # there it is 0.5, with masks
    writer.flush()
    found = compared(filled, store)
    assert found.conflicts == (trial(3).trial_id,)
    assert set(found.ids) == {trial(1).trial_id, trial(2).trial_id}


def test_masks_that_are_lacking_here_are_taken_over(filled, store, trial, record):
    writer = Writer(store)
    record(writer, trial(3))
    writer.flush()
    compared(filled, store).run()
    done = finished(store, masks=True)
    assert done.ids_with_masks == {trial(3).trial_id}
    assert len(done.rows) == 3


def test_results_in_two_places_have_the_rows_of_both(filled, store, trial, record):
    writer = Writer(store)
    record(writer, trial(9))
    record(writer, trial(1), test_accuracy=0.25)  # the first place counts
    writer.flush()
    done = finished(store, filled)
    assert done.ids == {trial(seed).trial_id for seed in (1, 2, 3, 9)}
    assert done.row(trial(1).trial_id)["test_accuracy"] == 0.25
    for table in ("layers", "epochs"):
        attempts = done.keys(table)["attempt"].to_pylist()
        assert sorted(attempts) == sorted(done.rows["attempt"].to_pylist())


def test_a_damaged_trial_is_left_out(filled, store, trial, tmp_path):
    (damaged,) = finished(filled).row(trial(3).trial_id)["epochs_parts"]
    path = tmp_path / "other/own/epochs" / damaged
    path.write_bytes(path.read_bytes()[:-1])
    found = compared(filled, store)
    assert trial(3).trial_id not in found.ids
    assert found.done.damaged == (("epochs", damaged),)


def test_only_wanted_trials_of_another_study_come_without_its_definitions(filled, store, trial):
    found = compared(filled, store, wanted={trial(2).trial_id})
    found.run()
    assert list(everything(store)) == [trial(2).trial_id]
    assert found.not_wanted == 2
    assert store.definitions.recorded() == []


def test_trials_on_other_images_are_refused(filled, store, trial, record):
    writer = Writer(store)
    record(writer, trial(9), dataset_fingerprint="ff00")
    writer.flush()
    with pytest.raises(UserError, match=re.escape("(fingerprint 00ff) than that of the results")):
        compared(filled, store)


def test_networks_and_forgotten_trials_come_along(filled, store, trial):
    filled.networks.save(trial(1).trial_id, b"one")
    filled.networks.save(trial(9).trial_id, b"of a trial that is not finished")
    row = finished(filled).row(trial(1).trial_id)
    filled.forgotten.add({"0123456789ab": (5, row["finished_at"])})
    compared(filled, store).run()
    assert store.networks.load(trial(1).trial_id) == b"one"
    assert store.networks.load(trial(9).trial_id) is None
    assert store.forgotten.all() == {"0123456789ab": (5, row["finished_at"])}


def known(store):
    return [
        {seed: set(ids) for seed, ids in recorded.known.items() if ids}
        for recorded in store.definitions.recorded()
    ]


def test_a_definition_that_was_recorded_before_its_trials_stays_so(filled, store):
    compared(filled, store).run()
    assert known(store) == known(filled) == [{}]


def test_a_definition_does_not_become_older_than_its_trials_by_an_import(
    filled, store, study, trial, tmp_path
):
    """Trials that another definition ran are taken over into a study that was recorded later."""
    later = study.model_copy(update={"margin": 0.5})
    store.definitions.record(later)
    compared(filled, store).run()
    expected = {seed: {trial(seed).trial_id} for seed in (1, 2, 3)}
    assert known(store) == [{}, expected]
    # Nor if the definition is taken from an empty folder into that of the trials.
    empty = Store(str(tmp_path / "empty"), "own")
    empty.definitions.record(later)
    compared(empty, filled).run()
    assert known(filled) == [{}, expected]


def test_a_definition_does_not_know_what_is_left_out_of_another_study(filled, store, study, trial):
    store.definitions.record(study.model_copy(update={"margin": 0.5}))
    compared(filled, store, wanted={trial(2).trial_id}).run()
    assert known(store) == [{2: {trial(2).trial_id}}]


def test_a_definition_that_is_recorded_after_an_import_knows_its_trials(
    filled, store, study, trial
):
    compared(filled, store, wanted={trial(2).trial_id}).run()
    store.definitions.record(study)
    assert known(store) == [{2: {trial(2).trial_id}}]


def test_as_many_trials_as_a_chunk_are_in_memory(filled, store, monkeypatch):
    counts = []
    copy = importing.copy
    monkeypatch.setattr(
        importing, "copy", lambda s, d, rows, t: [counts.append(len(rows)), copy(s, d, rows, t)]
    )
    compared(filled, store).run(most=2)
    assert counts == [2, 1]
