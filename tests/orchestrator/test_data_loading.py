"""Data sets that are read in a process of their own: what comes back, and what goes wrong."""

import os
import re
import signal
from dataclasses import replace

import pytest

from orchestrator.execution.data_loading import DataLoading
from studies.errors import UserError
from studies.trial import Trial
from trainers import datasets
from trainers.datasets import Place

GIVEN = Trial(
    network="lenet-5", dataset="digits", method="dense", weights="he-normal", seed=1, epochs=1
)


def loading(tmp_path, given=GIVEN, earlier=None, **places):
    places = {"digits": Place("digits", tmp_path)} | places
    return DataLoading([given], places, earlier or {})


def test_a_data_set_is_what_it_is_here(tmp_path):
    here = datasets.load("digits", Place("digits", tmp_path))
    with loading(tmp_path, earlier={"digits": here.fingerprint}) as data:
        sets = data.datasets()
        data.check_networks()
    assert list(sets) == ["digits"]
    assert sets["digits"].fingerprint == here.fingerprint
    assert (sets["digits"].images["test"] == here.images["test"]).all()


@pytest.mark.parametrize(
    ("change", "earlier", "message"),
    [
        ({}, {"digits": "0" * 16}, "is not the one that the finished trials were trained on"),
        ({"dataset": "own"}, {}, "data set .*nowhere: no such folder"),
    ],
)
def test_a_mistake_of_the_users_comes_back_as_one(change, earlier, message, tmp_path):
    given = replace(GIVEN, **change)
    own = Place.of(f"folder:{tmp_path}/nowhere")
    with loading(tmp_path, given, earlier, own=own) as data, pytest.raises(UserError) as error:
        data.datasets()
    assert re.search(message, str(error.value))


def test_a_reader_that_is_killed_is_noticed(tmp_path):
    with loading(tmp_path) as data:
        os.kill(data._process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match="the process that reads the data sets died"):
            data.datasets()


def test_the_data_sets_are_there_before_the_networks_are_checked(tmp_path):
    with loading(tmp_path, replace(GIVEN, network="conv8")) as data:
        assert list(data.datasets()) == ["digits"]
        with pytest.raises(
            UserError, match="network conv8: it halves images and needs at least 16x16"
        ):
            data.check_networks()


def test_leaving_early_ends_the_process(tmp_path):
    with loading(tmp_path) as data:
        process = data._process
    assert not process.is_alive()
