"""The wheel and the source distribution: what is in them, and that an installed wheel works."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import pytest
from docs_support import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: What a checkout may hold that is no part of the project.
_LEAVE = (".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build", "dist")


def run(*command, cwd, **environment):
    """Run a command without this checkout on Python's path; return what it prints."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    answer = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | environment, capture_output=True, text=True
    )
    assert answer.returncode == 0, f"{command}\n{answer.stdout}\n{answer.stderr}"
    return answer.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the source distribution of a copy of the checkout, and the wheel made of it."""
    folder = tmp_path_factory.mktemp("built")
    top = {"data", "results", "reports"}  # of the user, in a checkout

    def leave(place, names):
        left = set(shutil.ignore_patterns(*_LEAVE)(place, names))
        return left | (top if place == str(ROOT) else set())

    shutil.copytree(ROOT, folder / "checkout", ignore=leave)
    options = ("--no-isolation", "--outdir", folder / "dist")
    run(sys.executable, "-m", "build", *options, folder / "checkout", cwd=folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def environment(built, tmp_path_factory):
    """The scripts of an empty environment with the wheel, which sees this one's other packages."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python, (wheel,) = folder / "bin/python", built.glob("*.whl")
    install = ("uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python)
    run(sys.executable, "-m", *install, wheel, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


def test_the_wheel_has_the_packages_and_their_files_but_no_results(built):
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.partition("/")[0] for name in names}
    assert {name for name in folders if not name.endswith(".dist-info")} == {
        "analysis",
        "orchestrator",
        "studies",
        "trainers",
    }
    for path in (
        "studies/library/*.yaml",
        "studies/library/older/*.yaml",
        "analysis/report/page/*",
    ):
        expected = {str(file.relative_to(ROOT)) for file in ROOT.glob(path)}
        assert expected
        assert expected <= set(names)
    assert not [name for name in names if name.startswith("studies/results/")]


def test_the_source_distribution_is_the_whole_checkout(built):
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    tracked = run("git", "ls-files", cwd=ROOT).split("\n")[:-1] if (ROOT / ".git").exists() else []
    assert set(tracked) <= names
    assert {"tests/conftest.py", "docs/conf.py", "constraints.txt", ".ci/run"} <= names


def test_an_installed_wheel_runs_a_study_outside_of_the_checkout(environment, tmp_path):
    code = "import trainers; print(trainers.__file__)"
    where = run(environment / "python", "-c", code, cwd=tmp_path)
    assert where.startswith(str(environment.parent))
    untuned = environment / "untuned"
    small = ("--seeds", "1", "--epochs", "1", "--only", "weights=he-normal", "--workers", "1")
    run(untuned, "run", "digits", *small, cwd=tmp_path)
    assert "free-pruning" in run(untuned, "results", "digits", cwd=tmp_path)
    assert "threshold-mnist" in run(untuned, "list", cwd=tmp_path)
    assert run(untuned, "report", "digits", "--figures", "final_accuracy", cwd=tmp_path).endswith(
        "results/digits/report/report.html\n"
    )
    assert (tmp_path / "results/digits/report/final_accuracy.png").stat().st_size > 1_000
