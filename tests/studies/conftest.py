import pytest

from studies.schemas import FIGURES
from studies.store import Store
from studies.trial import Trial

FINAL = {
    **dict.fromkeys(FIGURES, 0.5),
    "outcome": "completed",
    "last_epoch": 1,
    "test_images": 9,
    "test_correct": b"\xff\x80",
    "dataset_fingerprint": "00ff",
    "engine": "leaf",
    "seconds": 1.0,
    "host": "here",
    "device": "cpu",
    "threads": 1,
    "pack_size": 1,
    "versions": "torch=0",
    "commit": None,
}
EPOCH = {**dict.fromkeys(FIGURES, 0.5), "epoch": 0, "train_seconds": 0.1, "evaluation_seconds": 0.1}
LAYER = {
    "epoch": 0,
    "layer": 0,
    "layer_name": "fc1",
    "connections": 6,
    "mask_negative": 0,
    "mask_zero": 2,
    "mask_positive": 4,
    "effective_negative": 1,
    "effective_zero": 2,
    "effective_positive": 3,
}


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path), "own")


@pytest.fixture
def trial():
    def make(seed=1, **values):
        about = {"network": "lenet-5", "dataset": "digits", "method": "dense"}
        return Trial(**about, weights="he-normal", seed=seed, epochs=1, **values)

    return make


@pytest.fixture
def record():
    """Adds a trial to a writer, with rows that are as good as any."""

    def add(writer, trial, masks=(), **final):
        epochs = [EPOCH, EPOCH | {"epoch": 1}]
        layers = [LAYER, LAYER | {"epoch": 1}]
        writer.add(
            trial, writer.attempt(), FINAL | final, epochs=epochs, layers=layers, masks=masks
        )

    return add


@pytest.fixture
def layer():
    """A row of `layers` without keys."""
    return LAYER


@pytest.fixture
def rows_of():
    """The finished trials' rows of a table."""

    def read(store, table, done):
        named = done.keys(table).select(["attempt", "part"]).to_pydict()
        keys = set(zip(*named.values(), strict=True))
        rows = store.tables.read(table).rows.to_pylist()
        return [row for row in rows if (row["attempt"], row["part"]) in keys]

    return read
