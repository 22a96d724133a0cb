"""The estimate that another process makes."""

import multiprocessing
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests_support import untuned, write_study

from orchestrator import estimate, estimating, plan
from orchestrator.cli import check
from orchestrator.execution.messages import RunOptions
from studies.errors import UserError
from studies.store import Store
from studies.study import read
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
    ask, _ = other_process
    many = [replace(TRIAL, seed=seed) for seed in range(5_000)]  # more than a pipe holds
    assert ask(many, {"digits": Place("digits", tmp_path)}, "cpu", "mm").data == (1294 + 503) * 64


def test_this_process_makes_it_if_the_other_was_killed(other_process, tmp_path):
    ask, process = other_process
    process.kill()
    process.join()
    assert ask([TRIAL], {"digits": Place("digits", tmp_path)}, "cpu", "mm").data > 0


def test_what_the_user_has_to_mend_is_told_as_without_another_process(other_process, tmp_path):
    ask, _ = other_process
    trial = Trial(**ABOUT | {"dataset": "own"}, network="lenet-16", epochs=1)
    images = Place(f"folder:{tmp_path}", tmp_path)  # which is empty
    with pytest.raises(UserError, match="0 classes; put the images"):
        ask([trial], {"own": images}, "cpu", "mm")


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


def test_it_is_not_begun_before_it_is_asked_for(tmp_path, capsys):
    study, store = read(write_study(tmp_path)), Store(str(tmp_path), "own")
    asked = []

    def ask(*arguments):
        asked.append(arguments)
        return estimating.here(*arguments)

    options = RunOptions(device="cpu", engine="mm")
    show = check.show_costs(study, plan.make([study], store), [store], (), options, ask)
    assert not asked  # the claims are worked out now
    show()
    assert len(asked) == 1
    assert "estimate: " in capsys.readouterr().out


#: Runs the command line at its top level, which another process must not do again.
SCRIPT = """
import resource, sys
from trainers import devices
devices.cores = lambda: 2
from orchestrator.cli import main
try:
    main()
finally:
    had_a_process = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0
    print("torch:", "torch" in sys.modules, "process:", had_a_process)
"""

#: A data set that writes down which process reads it.
READ = """
import multiprocessing, os, signal
from pathlib import Path
from studies.errors import UserError
from trainers.datasets import digits

def read(root):
    reader = "other" if multiprocessing.parent_process() else "main"
    with open("readers", "a") as file:
        file.write(reader + " ")
    {then}
    return digits.read(root)
"""


def checked(folder, *arguments, then="pass"):
    """Check a study of a data set that does this when it is read; return the answer and readers."""
    (folder / "command.py").write_text(SCRIPT)
    (folder / "noted_set.py").write_text(READ.format(then=then))
    metadata = folder / "foreign-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[untuned.datasets]\nnoted = noted_set\n")
    path = write_study(folder)
    path.write_text(path.read_text().replace("digits", "noted"))
    answer = subprocess.run(
        [sys.executable, "command.py", "check", *(arguments or ["own.yaml"])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    readers = folder / "readers"
    return answer, readers.read_text().split() if readers.exists() else []


def test_a_check_leaves_pytorch_to_the_other_process(tmp_path):
    answer, readers = checked(tmp_path)
    assert (answer.returncode, answer.stderr, readers) == (0, "", ["other"])
    assert answer.stdout.count("estimate: ") == 1
    assert answer.stdout.endswith("torch: False process: True\n")


def test_a_check_goes_on_if_the_other_process_is_killed_in_the_estimate(tmp_path):
    die = "if reader == 'other': os.kill(os.getpid(), signal.SIGKILL)"
    answer, readers = checked(tmp_path, then=die)
    assert (answer.returncode, answer.stderr, readers) == (0, "", ["other", "main"])
    assert answer.stdout.count("estimate: ") == 1


def test_an_error_of_the_user_in_the_other_process_is_the_same_line(tmp_path):
    answer, readers = checked(tmp_path, then="raise UserError('images: none; put some there')")
    assert (answer.returncode, readers) == (2, ["other"])
    assert answer.stderr == "untuned: images: none; put some there\n"


def test_a_crash_in_the_other_process_gets_its_traceback_in_a_log(tmp_path):
    answer, readers = checked(tmp_path, then="raise ZeroDivisionError('bang')")
    assert (answer.returncode, readers) == (1, ["other"])
    assert answer.stderr.startswith("untuned: ZeroDivisionError: bang; the traceback is in ")
    assert answer.stderr.count("\n") == 1
    assert "noted_set.py" in Path(answer.stderr.strip().rpartition(" ")[2]).read_text()


@pytest.mark.parametrize(
    "arguments", [["digit"], ["nowhere.yaml"], ["digits", "--only", "method=none"]]
)
def test_a_mistake_in_the_command_starts_no_process(tmp_path, arguments):
    answer, _ = checked(tmp_path, *arguments)
    assert answer.returncode == 2
    assert answer.stdout == "torch: False process: False\n"
