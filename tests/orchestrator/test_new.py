"""`untuned new`: a study file that explains every field."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest
from tests_support import full_disk, in_the_base_install

from orchestrator import plan
from orchestrator.cli import cli
from orchestrator.cli._study_schema import schema
from orchestrator.cli.new import _SCHEMA, template
from studies import strict_yaml
from studies.errors import UserError
from studies.study import from_mapping, read
from studies.trial import SETTABLE


def new(*arguments):
    cli.main(["new", *arguments], standalone_mode=False)


def test_the_file_is_a_study_that_fits_its_schema(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    new("mine")
    path = tmp_path / "mine.yaml"
    assert len(plan.check(read(path))) == 30
    first = path.read_text().splitlines()[0]
    named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)[1]
    content = strict_yaml.load(path.read_text())
    jsonschema.validate(content, json.loads((tmp_path / named).read_text()))
    assert "untuned check mine.yaml" in capsys.readouterr().out


def test_every_field_is_explained_with_its_default():
    text = template("mine")
    for field in SETTABLE:
        assert field == "seed" or re.search(rf"^  (# )?{field}: ", text, re.MULTILINE), field
    assert max(map(len, text.splitlines())) <= 100


def test_every_field_uncommented_changes_nothing():
    text = template("mine")
    uncommented = re.sub(r"^  # (\w+: .*)", r"  \1", text, flags=re.MULTILINE)
    bare, full = (strict_yaml.load(content) for content in (text, uncommented))
    assert len(full["axes"]) == len(SETTABLE) - 1
    trials = [from_mapping({"name": "mine"} | s, "mine").trials() for s in (bare, full)]
    assert trials[0] == trials[1]


@pytest.mark.parametrize("name", ["mine.yml", "mine.yaml", "mine.YAML"])
def test_the_suffix_may_be_given(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    new(name)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["mine.yaml", _SCHEMA]


def test_a_schema_that_cannot_be_written_is_named_and_no_study_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / _SCHEMA).mkdir()
    with pytest.raises(UserError, match=f"{_SCHEMA}: cannot be written"):
        new("mine")
    assert [path.name for path in tmp_path.iterdir()] == [_SCHEMA]


def test_an_existing_file_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"mine.yaml already exists"):
        new("mine")
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_link_to_a_file_that_does_not_exist_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").symlink_to("elsewhere.yaml")
    with pytest.raises(UserError, match=r"mine.yaml already exists"):
        new("mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]
    assert (tmp_path / "mine.yaml").is_symlink()


def test_of_commands_at_once_one_writes_the_study(tmp_path, monkeypatch):
    """All of them have seen that there is no such file when the first one writes it."""
    monkeypatch.chdir(tmp_path)
    commands = 4
    ready = threading.Barrier(commands)

    def text(name):
        number = ready.wait()
        return f"of command {number}"

    def answer(_):
        try:
            new("mine")
        except UserError as error:
            return str(error)
        return (tmp_path / "mine.yaml").read_text()

    monkeypatch.setattr("orchestrator.cli.new.template", text)
    with ThreadPoolExecutor(commands) as threads:
        *refused, written = sorted(threads.map(answer, range(commands)))
    assert refused == ["mine.yaml already exists; give another name or remove it"] * 3
    assert (tmp_path / "mine.yaml").read_text() == written


def test_a_study_that_cannot_be_written_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with full_disk(), pytest.raises(UserError, match=r"mine.yaml: cannot be written \(File too"):
        new("mine")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["A", "a b", "../a", "a/b", "", ".a", "-a", "digits", "a" * 101])
def test_an_invalid_name_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError):
        new("--", name)
    assert not list(tmp_path.iterdir())


def test_the_schema_is_printed(capsys):
    new("--schema")
    assert json.loads(capsys.readouterr().out) == schema()


def test_the_base_install_writes_studies(tmp_path):
    answer = in_the_base_install(tmp_path, ["new", "mine"])
    assert answer.returncode == 0, answer.stderr
