"""The estimate that another process makes."""

import multiprocessing
import sys
from dataclasses import replace

import pytest
from tests_support import untuned, write_study

from orchestrator import estimate, estimating
from studies.errors import UserError
from studies.trial import Trial
from trainers import devices
from trainers.datasets import Place

ABOUT = {"dataset": "digits", "method": "dense", "weights": "he-normal", "seed": 1}
TRIAL = Trial(**ABOUT, network="lenet-16", epochs=1)


@pytest.fixture
def other_process(monkeypatch):
    """An estimator with a process of its own, as where PyTorch is not imported yet."""
    estimator = estimating.estimator(beside=True)
    with monkeypatch.context() as patched:
        patched.delitem(sys.modules, "torch")
        patched.setattr(devices, "cores", lambda: 2)
        given = estimator.__enter__()
    (process,) = multiprocessing.active_children()
    yield given, process
    estimator.__exit__(None, None, None)
    assert not process.is_alive()


def test_another_process_makes_the_estimate(other_process, tmp_path, monkeypatch):
    monkeypatch.delattr(estimate, "estimate")  # this one cannot
    estimator, _ = other_process
    many = [replace(TRIAL, seed=seed) for seed in range(5_000)]  # more than a pipe holds
    estimator.start(many, {"digits": Place("digits", tmp_path)}, "cpu", "mm")
    assert estimator.finish().data == (1294 + 503) * 64


def test_this_process_makes_it_if_the_other_is_killed(other_process, tmp_path):
    estimator, process = other_process
    process.kill()
    process.join()
    estimator.start([TRIAL], {"digits": Place("digits", tmp_path)}, "cpu", "mm")
    assert estimator.finish().data == (1294 + 503) * 64


def test_what_the_user_has_to_mend_is_told_as_without_another_process(other_process, tmp_path):
    estimator, _ = other_process
    images = Place(f"folder:{tmp_path}", tmp_path)  # which is empty
    estimator.start(
        [Trial(**ABOUT | {"dataset": "own"}, network="lenet-16", epochs=1)],
        {"own": images},
        "cpu",
        "mm",
    )
    with pytest.raises(UserError, match="0 classes; put the images"):
        estimator.finish()


def test_it_is_made_here_where_pytorch_is_imported_or_another_process_is_no_gain(monkeypatch):
    with estimating.estimator(beside=True):
        assert not multiprocessing.active_children()
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(devices, "cores", lambda: 1)
    with estimating.estimator(beside=True):
        assert not multiprocessing.active_children()
    monkeypatch.setattr(devices, "cores", lambda: 2)
    with estimating.estimator(beside=False):  # nobody asked for it
        assert not multiprocessing.active_children()


def test_a_check_shows_it_before_the_claims_and_nothing_else(tmp_path):
    answer = untuned("check", write_study(tmp_path), "--device", "cpu", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.index("would run") < answer.stdout.index("estimate: ")
    assert answer.stdout.index("estimate: ") < answer.stdout.index("not decided here")
