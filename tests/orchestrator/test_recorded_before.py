"""Results that version 0.1.0 wrote, which lie in `tests/data`: they read as they did then."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tests_support import untuned

import trainers
from orchestrator import plan
from studies.store import Store
from studies.store.finished import finished
from trainers import datasets, runtime
from trainers.loop import train

DATA = Path(__file__).parents[1] / "data"
#: Ids of its trials by method and what else sets them apart, as they were recorded.
IDS = {
    "dense": "0a6d2bf10a02",
    "free-pruning": "0465e8ca11af",
}


@pytest.fixture
def store(tmp_path):
    shutil.copytree(DATA / "recorded", tmp_path / "recorded")
    return Store(str(tmp_path), "recorded")


def raw(table):
    """A table's rows as Parquet has them, in an order of their own."""
    parts = sorted((DATA / "recorded" / table).glob("*.parquet"))
    return pa.concat_tables(pq.read_table(part) for part in parts).to_pylist()


@pytest.mark.parametrize("table", ["trials", "epochs", "layers", "masks"])
def test_every_row_has_the_values_that_were_written(store, table):
    before = raw(table)
    now = store.tables.read(table).rows.to_pylist()
    assert len(now) == len(before) > 0
    key = ("trial_id", "epoch", "layer") if "layer" in before[0] else ("trial_id", "epoch")
    key = ("trial_id",) if table == "trials" else key
    for rows in (before, now):
        rows.sort(key=lambda row: [row[name] for name in key])
    for old, new in zip(before, now, strict=True):
        assert {name: new[name] for name in old} == old


def test_its_trials_are_those_of_its_definition_and_finished(store):
    (definition,) = store.definitions.all()
    planned = plan.make([definition], store)
    assert {t.trial_id for t in planned.trials} == {row["trial_id"] for row in raw("trials")}
    assert planned.todo == []
    ids = {trial.method: trial.trial_id for trial in reversed(planned.trials)}
    assert {method: ids[method] for method in IDS} == IDS
    assert finished(store, masks=True).damaged == ()


def test_a_run_finds_nothing_to_do(store):
    definition = next((Path(store.root) / "definitions").glob("*.yaml"))
    answer = untuned("run", definition, "--results", Path(store.root).parent, cwd=store.root)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "recorded: nothing to do, all 9 trials are finished\n"


def test_its_networks_are_read(store):
    for row in raw("trials"):
        (path,) = (Path(store.root) / "networks").glob(f"{row['trial_id']}-*")
        network = trainers.load_network(path)
        assert network.about["scores"]["test_accuracy"] == row["test_accuracy"]
        shape = network.about["shape"]
        assert network(torch.zeros(2, *shape)).shape == (2, row["classes"])


def test_a_trial_of_it_trains_to_the_recorded_figures(store):
    """To the bit where the libraries are the same; elsewhere up to their rounding."""
    (definition,) = store.definitions.all()
    data = datasets.load("digits", datasets.Place("digits", Path()))
    runtime.settle()
    rows = {(row["trial_id"], row["epoch"]): row for row in raw("epochs")}
    for trial in plan.check(definition):
        if trial.source or trial.method not in ("dense", "free-flipping", "edge-popup"):
            continue
        for record in train([trial], data):
            recorded = rows[trial.trial_id, record.epoch["epoch"]]
            for name in ("train_loss", "test_loss", "changed"):
                assert record.epoch[name] == pytest.approx(recorded[name], rel=1e-3)
