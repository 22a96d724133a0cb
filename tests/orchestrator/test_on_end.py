"""`untuned run --on-end`: a command of the user's, told how the run ended."""

import os
import subprocess

import pytest
from tests_support import (
    FAILING,
    UNTUNED,
    gated_study,
    install_method,
    interrupt_at,
    untuned,
    write_study,
)

from orchestrator.cli import _on_end
from studies.errors import UserError

INLINE = ("--executor", "inline")
#: Writes down its variables, and ends with an exit code of its own.
TELL = "sh -c 'env | grep ^UNTUNED_ > told; exit 3'"
TOLD = f"--on-end {TELL}: ended with exit code 3\n"


def told(folder):
    names = ("STUDY", "RESULTS", "FINISHED", "FAILED", "PLANNED", "EXIT_CODE")
    lines = (folder / "told").read_text().splitlines()
    values = dict(line.removeprefix("UNTUNED_").split("=", 1) for line in lines)
    return [values[name] for name in names]


def test_it_is_told_of_a_finished_run_and_of_one_with_nothing_to_do(tmp_path):
    write_study(tmp_path, seeds=1, epochs=1)
    place = str(tmp_path / "results" / "own")
    for _ in range(2):
        answer = untuned("run", "own.yaml", *INLINE, "--on-end", TELL, cwd=tmp_path)
        assert answer.returncode == 0, answer.stderr
        assert answer.stderr.endswith(TOLD)
        assert told(tmp_path) == ["own", place, "2", "0", "2", "0"]
        (tmp_path / "told").unlink()


def test_it_is_told_of_a_time_that_is_over_and_of_trials_that_fail(tmp_path):
    install_method(tmp_path, "failing", FAILING)
    path = write_study(tmp_path, seeds=1, epochs=1)
    path.write_text(path.read_text().replace("dense,", "failing,"))
    run = ("run", "own.yaml", *INLINE, "--on-end", TELL)
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    place = str(tmp_path / "results" / "own")
    answer = untuned(*run, "--hours", "1e-9", cwd=tmp_path, **environment)
    assert answer.returncode == 124, answer.stderr
    assert told(tmp_path) == ["own", place, "0", "0", "2", "124"]
    answer = untuned(*run, "--retries", 0, cwd=tmp_path, **environment)
    assert answer.returncode == 1, answer.stderr
    assert told(tmp_path) == ["own", place, "1", "1", "2", "1"]
    answer = untuned(*run, "--fail-fast", cwd=tmp_path, **environment)  # it raises the error
    assert answer.returncode == 1, answer.stderr
    assert "ZeroDivisionError" in answer.stderr
    assert told(tmp_path) == ["own", place, "1", "1", "2", "1"]


def test_it_is_told_of_a_run_that_was_interrupted(gate, tmp_path):
    gated_study(tmp_path, seeds=1, epochs=4000)
    command = [*UNTUNED, "run", "own.yaml", *INLINE, "--on-end", TELL]
    gate.allow(2)
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    interrupt_at(gate, run)
    errors = run.communicate()[1]
    assert run.returncode == 130, errors
    assert errors.endswith(TOLD)
    assert told(tmp_path)[2:] == ["0", "0", "1", "130"]


def test_nothing_was_started_so_nothing_has_ended(tmp_path):
    write_study(tmp_path)
    answer = untuned("run", "own.yaml", *INLINE, "--workers", 2, "--on-end", TELL, cwd=tmp_path)
    assert answer.returncode == 2
    assert not (tmp_path / "told").exists()


def test_the_words_are_those_of_a_shell_and_no_shell_runs_them():
    assert _on_end.words("echo 'one two' $HOME; ls") == ["echo", "one two", "$HOME;", "ls"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sh -c 'exit", "--on-end sh -c 'exit: No closing quotation; close the quotation"),
        ("no-such-program 1", "there is no program 'no-such-program'; for pipes and variables"),
        ("", "there is no program ''"),
    ],
)
def test_a_command_that_cannot_run_is_refused_before_anything_starts(command, message):
    with pytest.raises(UserError) as raised:
        _on_end.words(command)
    assert message in str(raised.value)
