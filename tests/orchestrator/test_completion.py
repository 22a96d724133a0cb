"""Completion in a shell, called as a shell does: through the environment."""

import os
import subprocess
import sys

import pytest
from tests_support import UNTUNED, train_study

from studies.study import shipped

HEAVY = "{'torch', 'ray', 'pandas', 'pydantic', 'duckdb', 'rich'}"


def offered(folder, *words):
    """Return the completions that bash gets for the last word."""
    return [item.partition(",")[2] for item in items(folder, *words)]


def items(folder, *words):
    """Return the same, each after its type: plain, file or dir."""
    line = " ".join(["untuned", *words])
    environment = os.environ | {
        "_UNTUNED_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
    }
    answer = subprocess.run(
        UNTUNED, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert answer.stderr == ""
    return [line for line in answer.stdout.splitlines() if line]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("completion")
    _, trials = train_study(folder, epochs=1)
    return folder, trials


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        (["sta"], ["status"]),
        (["status", "thresholds-d"], ["thresholds-digits"]),
        (["status", "ow"], ["own", "own.yaml"]),
        (["train", "--method", "minimal"], ["minimal-flipping", "minimal-pruning"]),
        (["train", "--schedule", "c"], ["constant", "cosine"]),
        (["results", "own", "--where", "posi"], ["positive_fraction="]),
        (["nosuch", "x"], []),
    ],
)
def test_names_with_this_beginning_are_offered(place, words, completions):
    assert offered(place[0], *words) == completions


@pytest.mark.parametrize("words", [["report", "--output"], ["run", "--tensorboard"]])
def test_folders_are_completed_by_the_shell(words, place):
    assert items(place[0], *words, "") == ["dir,"]


def test_all_studies_and_the_trials_of_one_are_offered(place):
    assert set(offered(place[0], "run", "")) == {*shipped(), "own", "own.yaml"}
    ids = {trial.trial_id for trial in place[1]}
    assert set(offered(place[0], "show", "own", "")) == ids
    assert offered(place[0], "show", "other", "") == []


def test_completion_imports_nothing_heavy(place):
    code = (
        "import sys, os; os.environ.update(_UNTUNED_COMPLETE='bash_complete', "
        "COMP_WORDS='untuned train --method f', COMP_CWORD='3')\n"
        "from orchestrator.cli import main\n"
        "try: main([])\n"
        f"finally: print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=place[0], capture_output=True, text=True, check=False
    )
    assert answer.stderr == "[]\n"
