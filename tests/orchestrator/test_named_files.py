"""Files and folders that the user names: what cannot be written or read is a line, before work."""

import importlib.util
import os

import pytest
from tests_support import full_disk

import analysis
from analysis import report
from orchestrator.cli import _files
from orchestrator.execution.loggers import Destination, mlflow, tensorboard
from orchestrator.jobs.slurm_options import SlurmOptions
from studies.errors import UserError
from studies.store import Store
from trainers import datasets


@pytest.fixture
def locked(tmp_path):
    """A folder in one that this process may not look into."""
    folder = tmp_path / "locked" / "in"
    folder.mkdir(parents=True)
    folder.parent.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:  # whom no mode locks out
        os.seteuid(65534)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.parent.chmod(0o700)


def test_a_name_may_be_as_long_as_the_filesystem_allows(tmp_path):
    path = tmp_path / f"{'x' * 243}.safetensors"  # 255 characters
    _files.check_writable(path)
    _files.write(path, b"a network")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [
        (path.name, b"a network")
    ]


def test_a_name_that_is_too_long_is_refused_before_the_work(tmp_path):
    with pytest.raises(UserError, match=r"cannot be written \(File name too long\)"):
        _files.check_writable(tmp_path / f"{'x' * 300}.safetensors")
    with pytest.raises(UserError):
        analysis.load("x" * 300)


@pytest.mark.parametrize(
    "read",
    [lambda pipe: _files.check_readable(pipe, "network"), lambda p: SlurmOptions.of(str(p), {})],
    ids=["network", "Slurm's options"],
)
def test_a_pipe_is_refused_and_not_waited_for(read, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="it is a pipe or a device; give a regular file"):
        read(tmp_path / "pipe")


def test_what_lies_below_a_locked_folder_is_refused_in_a_line(locked):
    with pytest.raises(UserError, match=r"in/x: cannot be written \(Permission denied\)"):
        _files.check_writable(locked / "x")
    with pytest.raises(UserError, match=r"locked/in: cannot be read \(Permission denied\)"):
        datasets.existing(locked)


def _logged(module):
    def check(folder):
        if importlib.util.find_spec(module.__name__.rpartition(".")[2]) is None:
            pytest.skip("this logger is not installed")
        module.check(Destination("own", folder))

    return check


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(lambda folder: _files.check_writable(folder / "x"), id="file"),
        pytest.param(report.check_writable, id="report"),
        pytest.param(lambda folder: Store(str(folder), "own").check_writable(), id="results"),
        pytest.param(_logged(tensorboard), id="tensorboard"),
        pytest.param(_logged(mlflow), id="mlflow"),
    ],
)
def test_a_full_disk_is_found_before_the_work(check, tmp_path):
    check(tmp_path)
    with full_disk(), pytest.raises(UserError, match="File too large"):
        check(tmp_path)
    assert list(tmp_path.iterdir()) == []
