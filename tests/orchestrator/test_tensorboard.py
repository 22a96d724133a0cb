"""Curves for TensorBoard, read back with TensorBoard's own reader."""

import importlib.util
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from orchestrator.execution import tensorboard
from orchestrator.execution.tensorboard import TensorBoardCurves
from studies.errors import UserError
from studies.trial import Trial
from trainers import datasets
from trainers.loop import train

TRIAL = Trial(
    network="lenet-16",
    dataset="digits",
    method="minimal-pruning",
    weights="he-normal",
    seed=1,
    epochs=2,
    penalty=2.0,
)


def read_back(folder):
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


@pytest.fixture(scope="module")
def records():
    data = datasets.load("digits", datasets.Place("digits", Path()))
    return list(train([TRIAL], data, "cpu"))


def test_each_epoch_is_there_as_soon_as_it_is_over(tmp_path, records):
    written = TensorBoardCurves(str(tmp_path))
    for count, record in enumerate(records, start=1):
        written.write(record)
        found = read_back(tmp_path / tensorboard.name(TRIAL))
        assert len(found.Scalars("accuracy/test")) == count
    points = [(one.step, one.value) for one in found.Scalars("accuracy/test")]
    assert points == [(r.epoch["epoch"], pytest.approx(r.epoch["test_accuracy"])) for r in records]
    assert {"loss/train", "changed/all", "changed/fc1", "changed/fc2"} <= set(
        found.Tags()["scalars"]
    )


def test_an_attempt_that_begins_again_takes_the_place_of_the_one_before(tmp_path, records):
    broken_off = TensorBoardCurves(str(tmp_path))
    for record in records[:2]:
        broken_off.write(record)
    broken_off.close()
    again = TensorBoardCurves(str(tmp_path))
    for record in records:
        again.write(record)
    found = read_back(tmp_path / tensorboard.name(TRIAL))
    assert [one.step for one in found.Scalars("loss/test")] == [0, 1, 2]


def test_a_folder_says_what_is_not_at_its_default():
    named = "lenet-16,digits,minimal-pruning,he-normal,seed=1,epochs=2,penalty=2.0,"
    assert tensorboard.name(TRIAL) == named + TRIAL.trial_id


def test_what_cannot_be_written_is_no_trouble_to_the_trial(tmp_path, records):
    (tmp_path / "file").write_text("")
    TensorBoardCurves(str(tmp_path / "file")).write(records[0])


def test_without_tensorboard_it_says_what_to_install(tmp_path, monkeypatch):
    tensorboard.check(None)
    tensorboard.check(str(tmp_path / "made"))
    assert list(tmp_path.iterdir()) == []  # it is made when there is something to write
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file: cannot be written to"):
        tensorboard.check(str(tmp_path / "file"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'untuned\[tensorboard\]' brings it"):
        tensorboard.check(str(tmp_path))
