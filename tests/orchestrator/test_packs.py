"""Real Ray, driven without the command line: packs, workers, and GPUs that are only pretended."""

import json
import os
import subprocess
import sys
from datetime import timedelta
from operator import itemgetter
from pathlib import Path

import pytest
from tests_support import install_method, science_of

from orchestrator.execution.resources import ResourceRequest, Resources
from orchestrator.execution.retries import Retries
from orchestrator.execution.scheduler import PackScheduler
from orchestrator.execution.work_queue import WorkQueue
from studies.errors import UserError
from studies.store import Store
from studies.store.finished import failed, failed_attempts
from studies.trial import Trial

METHODS = [
    {"method": ["dense", "minimal-flipping", "supermask"]},
    {"method": "edge-popup", "density": 0.5},
]

#: Runs a study with the resources that it is told.
RUN = """
import json, sys
from pathlib import Path
from orchestrator import plan, supervisor
from orchestrator.losses import Retries
from orchestrator.resources import Resources
from orchestrator.execution.session import RunRequest
from studies.store import Store
from studies.study import from_mapping
from trainers.datasets import Place

content, folder, resources = json.loads(sys.argv[1])
study = from_mapping(content, "own.yaml")
store = Store(folder + "/results", study.name)
store.prepare()
planned = plan.make(study, store)
places = {"digits": Place("digits", Path())}
asked = RunRequest(study, store, planned.todo, places, {}, Resources(**resources))
outcome = supervisor.run(planned, asked)
assert outcome.finished == outcome.planned, outcome
assert not {"torch", "ray"} & set(sys.modules)
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


def trials(count):
    about = {"network": "lenet-16", "dataset": "digits", "method": "dense", "weights": "he-normal"}
    return [Trial(**about, epochs=1, seed=seed) for seed in range(1, count + 1)]


class Nobody:
    """Stands for other runs of the study, of which there are none."""

    elsewhere = frozenset()

    def __init__(self):
        self.claimed = set()
        self.training = []

    def claim(self, ids):
        self.claimed |= set(ids)

    def release(self, ids):
        self.claimed -= set(ids)

    def tell(self, training, rate):
        self.training = training


def packs_of(tmp_path, count, workers=2, retries=1, alive=True):
    store = Store(str(tmp_path), "own")
    losses = Retries(store, {}, retries, lambda node: alive)
    packs = PackScheduler(trials(count), WorkQueue(count, workers), Nobody(), losses)
    return packs, losses, store


def said(at, until, written=0):
    return {"at": at, "until": until, "written": written, "pid": 7, "hostname": "h", "node": "n"}


def test_packs_are_suggested_until_all_have_come_back(tmp_path):
    packs, _, _ = packs_of(tmp_path, 2)
    one, two = packs.suggest("a"), packs.suggest("b")
    assert [(pack["start"], pack["stop"]) for pack in (one, two)] == [(0, 1), (1, 2)]
    assert packs.suggest("c") is None  # what is out may still be given back
    packs.on_trial_complete("a", {"at": 0, "busy": 0.1, "done": True})  # stopped before it began
    assert packs.suggest("c")["start"] == 0
    packs.on_trial_complete("b", {"at": 2, "busy": 0.1, "done": True})
    packs.on_trial_complete("c", {"at": 1, "busy": 0.1, "done": True})
    assert packs.suggest("d") == "FINISHED"


def test_what_is_in_training_is_told(tmp_path):
    packs, _, _ = packs_of(tmp_path, 8)
    for name in "ab":
        packs.suggest(name)
    packs.on_trial_result("a", said(at=1, until=2))
    packs.on_trial_result("b", said(at=2, until=4))
    ids = [trial.trial_id for trial in trials(8)]
    assert packs._presence.training == [ids[1], ids[2], ids[3]]
    packs.on_trial_complete("b", error=True)
    assert packs._presence.training == [ids[1]]


def test_what_a_worker_died_of_is_tried_again_and_then_given_up(tmp_path):
    packs, losses, store = packs_of(tmp_path, 8, workers=1)
    assert packs.suggest("a") == {"start": 0, "stop": 4, "seconds": 2.0}
    packs.on_trial_result("a", said(at=2, until=3, written=1))
    packs.on_trial_complete("a", error=True)  # at the third trial, the second not yet written
    assert not losses.explain("a", "killed")  # it may have been at the fourth meanwhile
    for name in "bc":
        assert packs.suggest(name) | {"seconds": 0} == {"start": 2, "stop": 3, "seconds": 0}
        packs.on_trial_result(name, said(at=2, until=3, written=2))
        packs.on_trial_complete(name, error=True)
        assert losses.explain(name, "killed again")
    assert packs.suggest("d")["start"] == 1  # the third is given up
    assert list(failed_attempts(store).values()) == [trials(8)[2].trial_id] * 2
    (log, *_) = failed(store, frozenset()).values()
    assert "killed again" in Path(log).read_text()


def test_a_worker_that_dies_with_its_node_is_not_its_trials_fault_but_for_the_eleventh(tmp_path):
    packs, losses, store = packs_of(tmp_path, 1, workers=1, retries=0, alive=False)
    for name in "abcdefghij":
        assert packs.suggest(name)["start"] == 0
        packs.on_trial_result(name, said(at=0, until=1))
        packs.on_trial_complete(name, error=True)
        assert not losses.explain(name, "node died")
    assert not failed_attempts(store)
    packs.suggest("k")
    packs.on_trial_result("k", said(at=0, until=1))
    packs.on_trial_complete("k", error=True)
    assert losses.explain("k", "node died")
    assert packs.suggest("l") == "FINISHED"


def test_workers_that_die_without_a_word_end_the_round(tmp_path):
    packs, _, store = packs_of(tmp_path, 100)
    names = iter(range(1000))
    while (pack := packs.suggest(name := str(next(names)))) != "FINISHED":
        assert pack is not None
        packs.on_trial_complete(name, error=True)
    assert next(names) < 15
    assert not failed_attempts(store)


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
    found = ResourceRequest(workers, "cuda", gpus, fraction).here()
    assert found == Resources(expected[0], "cuda", expected[1], expected[2], lock_step=True)


@pytest.mark.parametrize("given", [(None, 3, None), (5, None, 0.5), (3, 1, 0.5)])
def test_too_many_workers_for_the_gpus_are_refused(given, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: 2)
    workers, gpus, fraction = given
    with pytest.raises(UserError, match="this machine has 2 GPUs, and"):
        ResourceRequest(workers, "auto", gpus, fraction).here()


@pytest.mark.parametrize("option", ["--gpus", "--gpu-fraction", "--tf32"])
def test_what_is_for_gpus_is_refused_on_a_cpu(option, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: 0)
    given = {"--gpus": 2, "--gpu-fraction": 0.5, "--tf32": True}
    values = [given[o] if o == option else None for o in ("--gpus", "--gpu-fraction")]
    with pytest.raises(UserError, match=f"{option}.*: the run is on the CPU; leave it out"):
        ResourceRequest(None, "cpu", *values, option == "--tf32").here()
