import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for docs_support
sys.path.insert(0, str(Path(__file__).parents[1] / "orchestrator"))  # for tests_support

from docs_support import ROOT
from tests_support import WHERE

from orchestrator import plan
from studies.store import Store
from studies.store.writer import Writer
from studies.study import from_mapping
from trainers import datasets, runtime
from trainers.loop import train

#: A shorter form of the shipped study `digits`.
SHORT = {
    "name": "digits",
    "margin": 0.5,
    "seeds": 2,
    "axes": {
        "network": "lenet-20-10",
        "dataset": "digits",
        "epochs": 2,
        "method": ["dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping"],
        "weights": ["he-normal", "he-constant"],
    },
}


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Environment variables under which `untuned` and `python` run this checkout."""
    folder = tmp_path_factory.mktemp("bin")
    for name, line in {
        "untuned": 'exec "$PYTHON" -m orchestrator.cli "$@"',
        "python": 'exec "$PYTHON" "$@"',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    paths = {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHON": sys.executable}
    return os.environ | paths | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"}


@pytest.fixture(scope="session")
def digits_study(tmp_path_factory):
    """A folder with the results of a short study `digits`, and a copy of them in `may`."""
    folder = tmp_path_factory.mktemp("documented")
    data = datasets.load("digits", datasets.Place("digits", Path()))
    runtime.settle()
    study = from_mapping(SHORT, "digits")
    store = Store(str(folder / "results"), "digits")
    store.definitions.record(study)
    writer = Writer(store)
    for trial in plan.check(study):
        records = list(train([trial], data, "cpu"))
        layers = [row for record in records for row in record.layers]
        epochs = [record.epoch for record in records]
        writer.add(trial, writer.attempt(), records[-1].final | WHERE, epochs=epochs, layers=layers)
    writer.flush()
    shutil.copytree(folder / "results", folder / "may" / "results")
    return folder
