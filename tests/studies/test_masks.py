"""Masks kept: written before the trial's row, looked at only where they are wanted."""

from pathlib import Path

import numpy as np
import pytest

from studies.store.compaction import compact
from studies.store.finished import finished
from studies.store.writer import Writer

MASK = np.array([1, 0, 0, 1, 1, 0, 0, 0, 1], bool)
ROW = {
    "epoch": 1,
    "layer": 0,
    "layer_name": "fc1",
    "shape": [3, 3],
    "kept": np.packbits(MASK).tobytes(),
}


@pytest.fixture
def both(store, trial, record):
    """A store with a trial that has its mask, and one of the same writer that has none."""
    writer = Writer(store)
    record(writer, trial(seed=1), masks=[ROW])
    record(writer, trial(seed=2))
    writer.flush()
    return store


def test_a_mask_comes_back_bit_by_bit(both, trial):
    (row,) = both.tables.read("masks").rows.to_pylist()
    assert row["trial_id"] == trial(seed=1).trial_id
    assert (np.unpackbits(np.frombuffer(row["kept"], np.uint8))[:9] == MASK).all()


def test_a_trial_without_masks_is_finished_unless_they_are_needed(both, trial):
    ids = {seed: trial(seed=seed).trial_id for seed in (1, 2)}
    assert finished(both).ids == finished(both, masks=True).ids == {*ids.values()}
    assert finished(both, masks=True).ids_with_masks == {ids[1]}
    assert len(finished(both, masks=True).keys("masks")) == 1


def test_of_two_attempts_the_one_with_masks_counts_where_they_are_looked_at(both, trial, record):
    writer = Writer(both)
    record(writer, trial(seed=2), masks=[ROW])
    writer.flush()
    assert len(finished(both).rows) == len(finished(both, masks=True).rows) == 2
    assert finished(both).rows["masks_parts"].null_count == 1
    assert finished(both, masks=True).rows["masks_parts"].null_count == 0


def test_a_damaged_mask_makes_its_trial_unfinished_only_where_masks_are_looked_at(both, trial):
    (path,) = (Path(both.local_path) / "masks").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert len(finished(both).ids) == 2
    done = finished(both, masks=True)
    assert done.ids_with_masks == frozenset()
    assert done.ids == {trial(seed=2).trial_id}  # which has none
    assert done.damaged == (("masks", path.name),)


def test_merged_masks_are_the_same(both, trial, record):
    writer = Writer(both)
    record(writer, trial(seed=3), masks=[ROW])
    writer.flush()
    before = finished(both, masks=True).ids_with_masks
    done = compact(both)
    assert (done["masks"].before, done["masks"].after) == (2, 1)
    found = finished(both, masks=True)
    assert found.ids_with_masks == before
    assert len(set(found.keys("masks")["part"].to_pylist())) == 1
