"""The folder that is sent to a cluster: what is in it, and that it is enough to run."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import studies
from orchestrator.execution import code_upload

ROOT = Path(studies.__file__).parents[1]


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def staged():
    with code_upload.staged({"own.yaml": "seeds: 1\n"}) as folder:
        yield folder


def test_it_holds_the_code_and_the_data_beside_it_and_nothing_else(staged):
    found = files_in(staged)
    assert (staged / "own.yaml").read_text() == "seeds: 1\n"
    packages = {path.partition("/")[0] for path in found if "/" in path}
    assert packages == {"studies", "trainers", "orchestrator", "analysis"}
    for package in packages:
        code = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
        assert code <= found
    data = {path for path in found if not path.endswith(".py")}
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = about["tool"]["setuptools"]["package-data"]
    wanted = {
        str(path.relative_to(ROOT))
        for package, patterns in declared.items()
        for pattern in patterns
        for path in (ROOT / package).glob(pattern)
    }
    assert data == wanted | {"own.yaml"}
    assert not any(re.search(r"__pycache__|tests|\.png|\.parquet|egg-info", path) for path in found)


def test_it_is_small(staged):
    size = sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())
    assert size < 5 * 2**20  # Ray takes up to 100 MiB


def test_the_same_content_has_the_same_name_and_another_study_another():
    from ray._private.runtime_env.packaging import get_uri_for_directory

    def name(text):
        with code_upload.staged({"own.yaml": text}) as folder:
            for path in folder.rglob("*"):
                os.utime(path, (1, 1) if path.name < "m" else None)  # times make no difference
            return get_uri_for_directory(str(folder), include_gitignore=True)

    assert name("seeds: 1") == name("seeds: 1") != name("seeds: 2")


def test_it_is_gone_afterwards():
    with code_upload.staged({}) as folder:
        assert files_in(folder)
    assert not folder.exists()


def test_the_command_line_runs_from_it_alone(staged, tmp_path):
    code = "import studies; print(studies.__file__)"
    environment = os.environ | {"PYTHONPATH": str(staged), "PYTHONDONTWRITEBYTECODE": "1"}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert found.stdout.strip() == str(staged / "studies" / "__init__.py")
    answer = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", "list"],
        cwd=staged,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert "smoke" in answer.stdout


def test_a_staged_folder_can_be_staged_again_whatever_lies_beside_it(staged):
    """As from an installed package: what counts is where the packages are found."""
    sent = files_in(staged) - {"own.yaml"}
    for name in ("results.parquet", ".git/objects/pack", "trainers/.git/pack", "trainers/data.bin"):
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        with (staged / name).open("wb") as large:
            large.truncate(150 * 10**6)
    code = (
        "from orchestrator.execution import code_upload\n"
        "with code_upload.staged({}) as folder:\n"
        "    print(*sorted(str(p.relative_to(folder)) for p in folder.rglob('*') if p.is_file()))"
    )
    answer = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=staged, capture_output=True, text=True
    )
    assert set(answer.stdout.split()) == sent, answer.stderr


def test_the_commit_that_was_sent_counts(monkeypatch):
    monkeypatch.setenv(code_upload.COMMIT, "abc")
    assert code_upload.commit() == "abc"
    monkeypatch.delenv(code_upload.COMMIT)
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    assert code_upload.commit() == (found.stdout.strip() or None)


def test_the_commit_of_a_repository_around_the_package_is_not_its_own(monkeypatch, tmp_path):
    monkeypatch.delenv(code_upload.COMMIT, raising=False)
    place = tmp_path / "site-packages" / "orchestrator" / "execution"
    place.mkdir(parents=True)
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        name = ["-c", "user.name=x", "-c", "user.email=x@x"]
        subprocess.run(["git", *name, *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(code_upload, "__file__", str(place / "code_upload.py"))
    assert code_upload.commit() is None
    monkeypatch.setattr(code_upload, "__file__", str(ROOT / "orchestrator/execution/x.py"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))
    own = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "GIT_DIR"},
    )
    assert code_upload.commit() == (own.stdout.strip() or None)
