"""Real Ray, driven without the command line: packs, workers, and GPUs that are only pretended."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from operator import itemgetter

import pytest
from tests_support import install_method, science_of

from orchestrator.cli import common
from orchestrator.driver import Resources
from orchestrator.searcher import Packs
from orchestrator.shares import Shares
from studies.errors import UserError
from studies.store import Store

METHODS = [
    {"method": ["dense", "minimal-flipping", "supermask"]},
    {"method": "edge-popup", "density": 0.5},
]

#: Runs a study with the resources that it is told.
RUN = """
import json, sys
from pathlib import Path
from orchestrator import driver, plan
from studies.store import Store
from studies.study import from_mapping
from trainers.datasets import Place

content, folder, resources = json.loads(sys.argv[1])
study = from_mapping(content, "own.yaml")
store = Store(folder + "/results", study.name)
store.prepare()
planned = plan.make(study, store)
places = {"digits": Place("digits", Path())}
outcome = driver.run(study, store, planned, places, driver.Resources(**resources))
assert outcome.finished == outcome.planned, outcome
assert "torch" not in sys.modules
"""


def run(folder, seeds, grids=METHODS, PYTHONPATH="", **resources):  # noqa: N803
    """A study, run to its end in a process of its own; its rows of `trials`."""
    axes = {"network": "lenet-16", "dataset": "digits", "epochs": 2, "weights": "he-constant"}
    content = {"name": "own", "seeds": seeds, "axes": axes, "grids": grids}
    asked = json.dumps([content, str(folder), resources])
    answer = subprocess.run(
        [sys.executable, "-c", RUN, asked],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": PYTHONPATH},
        timeout=240,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return Store(f"{folder}/results", "own").read("trials").rows.to_pylist()


@pytest.fixture(scope="module")
def one_after_another(tmp_path_factory):
    """Twelve trials; of two workers that each want a whole GPU one at a time has the only one."""
    folder = tmp_path_factory.mktemp("one")
    rows = run(folder, 3, workers=2, gpus=1, gpu_fraction=1.0)
    assert {row["pack_size"] for row in rows} == {1}
    order = sorted(rows, key=itemgetter("finished_at"))
    began = [row["finished_at"] - timedelta(seconds=row["seconds"]) for row in order[1:]]
    slack = timedelta(milliseconds=5)
    pairs = zip(order, began, strict=False)
    assert all(row["finished_at"] <= start + slack for row, start in pairs)
    return folder


def test_another_pack_worker_and_order_give_the_same_bits(one_after_another, tmp_path):
    """Two workers on pretended GPUs, half of one each, trials in lock-step; seeds turned round."""
    rows = run(
        tmp_path,
        [3, 1, 2],
        METHODS[::-1],
        workers=2,
        gpus=1,
        gpu_fraction=0.5,
        lock_step=True,
    )
    sizes = {row["trial_id"]: (row["method"], row["pack_size"]) for row in rows}
    assert {size for method, size in sizes.values() if method == "supermask"} <= {1, 2, 3}
    assert max(size for method, size in sizes.values() if method != "supermask") > 3
    assert len({row["attempt"].partition("-")[0] for row in rows}) == 2
    assert science_of(tmp_path) == science_of(one_after_another)


def test_packs_are_suggested_until_all_have_come_back():
    packs = Packs(Shares(2, workers=2))
    one, two = packs.suggest("a"), packs.suggest("b")
    assert [(pack["start"], pack["stop"]) for pack in (one, two)] == [(0, 1), (1, 2)]
    assert packs.suggest("c") is None  # what is out may still be given back
    packs.on_trial_complete("a", {"at": 0, "busy": 0.1})  # stopped before it began
    assert packs.suggest("c")["start"] == 0
    packs.on_trial_complete("b", {"finished": 0})  # stopped in the middle: no place to go on from
    packs.on_trial_complete("c", None, error=True)  # its worker died
    assert packs.suggest("d") == "FINISHED"


HUNGRY = """
import torch
from trainers.methods import Method

class Hungry(Method):
    def begin(self, pack, number, batches):
        if len(pack.trials) > 2:
            raise torch.OutOfMemoryError("more than two")
        super().begin(pack, number, batches)

METHOD = Hungry()
"""


def test_a_pack_that_runs_out_of_memory_is_tried_in_halves(tmp_path):
    install_method(tmp_path, "hungry", HUNGRY)
    about = {"workers": 1, "gpus": 1, "gpu_fraction": 1.0, "lock_step": True}
    rows = run(tmp_path, 5, [{"method": "hungry"}], PYTHONPATH=str(tmp_path), **about)
    assert sorted(row["pack_size"] for row in rows) == [1, 2, 2, 2, 2]  # 3 and 2, then 2 and 1


@pytest.mark.parametrize(
    ("there", "given", "expected"),
    [
        (2, (None, None, None), (2, 2, 1.0)),
        (2, (None, None, 0.25), (8, 2, 0.25)),
        (2, (None, 1, 0.5), (2, 1, 0.5)),
        (2, (4, None, None), (4, 2, 0.5)),
        (1, (3, None, 0.3), (3, 1, 0.3)),
        (2, (1, None, None), (1, 2, 1.0)),
        (2, (3, None, None), (3, 2, 0.5)),
        (2, (5, None, None), (5, 2, 1 / 3)),
    ],
)
def test_workers_share_gpus(there, given, expected, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: there)
    workers, gpus, fraction = given
    found = common.resources(workers, "cuda", gpus, fraction, False)
    assert found == Resources(expected[0], "cuda", expected[1], expected[2], lock_step=True)


@pytest.mark.parametrize("given", [(None, 3, None), (5, None, 0.5), (3, 1, 0.5)])
def test_too_many_workers_for_the_gpus_are_refused(given, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: 2)
    workers, gpus, fraction = given
    with pytest.raises(UserError, match="this machine has 2 GPUs, and"):
        common.resources(workers, "auto", gpus, fraction, False)


@pytest.mark.parametrize("option", ["--gpus", "--gpu-fraction", "--tf32"])
def test_what_is_for_gpus_is_refused_on_a_cpu(option, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: 0)
    given = {"--gpus": 2, "--gpu-fraction": 0.5, "--tf32": True}
    values = [given[o] if o == option else None for o in ("--gpus", "--gpu-fraction")]
    with pytest.raises(UserError, match=f"{option}.*: the run is on the CPU; leave it out"):
        common.resources(None, "cpu", *values, option == "--tf32")
