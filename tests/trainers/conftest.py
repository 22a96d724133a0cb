import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for engines_support

from studies.trial import Trial
from trainers import datasets, runtime


@pytest.fixture(autouse=True)
def _settled():
    runtime.settle()


@pytest.fixture(scope="session")
def digits():
    return datasets.load("digits", datasets.Place("digits", Path()))


@pytest.fixture
def trial():
    def make(method="free-pruning", **values):
        about = {"network": "lenet-20-10", "dataset": "digits", "weights": "he-normal"}
        return Trial(**about | {"seed": 1, "epochs": 2} | values, method=method)

    return make
