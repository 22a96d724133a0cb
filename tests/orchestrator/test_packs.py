"""Real Ray, driven without the command line: packs, workers, and GPUs that are only pretended."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from operator import itemgetter

import pytest
from tests_support import install_method, science_of

from studies.store import Store

METHODS = [
    {"method": ["dense", "minimal-flipping", "supermask"]},
    {"method": "edge-popup", "density": 0.5},
]

#: Runs a study with given resources.
RUN = """
import json, sys
from pathlib import Path
from orchestrator import plan
from orchestrator.execution import supervisor
from orchestrator.execution.heartbeat import RunHeartbeat
from orchestrator.execution.messages import Resources, RunOptions, RunRequest
from studies.store import Store
from studies.study import from_mapping
from trainers.datasets import Place

content, folder, resources = json.loads(sys.argv[1])
study = from_mapping(content, "own.yaml")
store = Store(folder + "/results", study.name)
planned = plan.make([study], store)
request = RunRequest(
    study=study,
    store=store,
    todo=planned.todo,
    need_masks=planned.demand.need_masks,
    data={"digits": Place("digits", Path())},
    fingerprints={},
    options=RunOptions(),
    resources=Resources(**resources),
)
with RunHeartbeat(store) as heartbeat:
    outcome = supervisor.run(planned, request, heartbeat)
assert outcome.finished == outcome.planned, outcome
assert not {"torch", "ray"} & set(sys.modules)
"""


def run(folder, seeds, grids=METHODS, PYTHONPATH="", **resources):  # noqa: N803
    """A study, run to its end in a process of its own; its rows of `trials`."""
    axes = {"network": "lenet-16", "dataset": "digits", "epochs": 2, "weights": "he-constant"}
    content = {"name": "own", "seeds": seeds, "axes": axes, "grids": grids}
    request = json.dumps([content, str(folder), resources])
    answer = subprocess.run(
        [sys.executable, "-c", RUN, request],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": PYTHONPATH},
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return Store(f"{folder}/results", "own").tables.read("trials").rows.to_pylist()


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_pack_that_runs_out_of_memory_is_tried_in_halves(tmp_path):
    install_method(tmp_path, "hungry", HUNGRY)
    about = {"workers": 1, "gpus": 1, "gpu_fraction": 1.0, "lock_step": True}
    rows = run(tmp_path, 5, [{"method": "hungry"}], PYTHONPATH=str(tmp_path), **about)
    assert sorted(row["pack_size"] for row in rows) == [1, 2, 2, 2, 2]  # 3 and 2, then 2 and 1
