"""`untuned forget` and `untuned delete`: what is dropped for good, and what is asked before."""

import json
import os
import shutil
from pathlib import Path

import pytest
from tests_support import train_study, write_study

from orchestrator.cli import cli
from orchestrator.execution.heartbeat import SessionHeartbeat
from studies import strict_yaml
from studies.errors import UserError
from studies.store import Store, shipped
from studies.store.finished import finished
from studies.store.shipping import ship
from studies.study import hash_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a finished study of four trials."""
    folder = tmp_path_factory.mktemp("made")
    train_study(folder)
    return folder


@pytest.fixture
def store(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Store("results", "own")


def untuned(*words):
    return cli.main([*map(str, words)], standalone_mode=False)


def test_trials_are_listed_asked_for_and_dropped(store, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter([False, True])
    monkeypatch.setattr("click.confirm", lambda question: next(answers))
    assert (
        untuned("forget", "own", "--where", "method=dense", "--where", "seed=2", "--dry-run") == 0
    )
    line, end = capsys.readouterr().out.splitlines()
    assert "  dense, seed 2, finished 20" in line
    assert line.endswith(" on here")
    assert end == "own: 1 trial would be dropped; nothing was changed"
    assert untuned("forget", "own", "--where", "method=dense") == 1
    assert capsys.readouterr().out.endswith("nothing was changed\n")
    assert len(finished(store).ids) == 4
    assert untuned("forget", "own", "--where", "method=dense") == 0
    assert capsys.readouterr().out.endswith("own: 2 trials dropped\n")
    assert set(finished(store).rows["method"].to_pylist()) == {"minimal-flipping"}
    untuned("status", "own")
    assert "own: 2 of 4 trials finished, 0 failed" in capsys.readouterr().out


def test_a_dropped_trial_is_trained_again_to_the_same_bits(store, capsys):
    before = finished(store).rows.sort_by("trial_id")["test_accuracy"].to_pylist()
    untuned("forget", "own", "--where", "seed=2", "--yes")
    untuned("run", "own.yaml", "--executor", "inline")
    assert "(2 in this run" in capsys.readouterr().out
    assert finished(store).rows.sort_by("trial_id")["test_accuracy"].to_pylist() == before


def test_nobody_is_asked_where_there_is_no_terminal(store):
    for words in (["forget", "own", "--where", "seed=2"], ["delete", "own"]):
        with pytest.raises(UserError, match="Nobody can be asked here; add --yes"):
            untuned(*words)
    assert len(finished(store).ids) == 4


def test_nothing_is_dropped_while_the_study_is_run(store):
    with SessionHeartbeat(store, "run"):
        for words in (["forget", "own", "--where", "seed=2"], ["delete", "own"]):
            with pytest.raises(UserError, match=f"is being run by .*{os.getpid()}"):
                untuned(*words, "--yes")
    assert len(finished(store).ids) == 4


def test_shipped_trials_are_named(store, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(shipped.VARIABLE, str(tmp_path / "shipped"))
    ship(store)
    untuned("forget", "own", "--where", "seed=2", "--yes")
    assert capsys.readouterr().out.endswith(
        "the shipped results have 2 trials of these; `untuned run --no-shipped` trains them again\n"
    )


def test_a_definition_that_was_given_up_is_dropped(store, capsys):
    write_study(Path(), seeds=3)
    untuned("register", "own.yaml")
    first, second = (one.study.definition_hash for one in store.definitions.recorded())
    capsys.readouterr()
    untuned("status", "own")
    lines = capsys.readouterr().out
    assert f"  or give them up with: untuned forget own --definition {second}\n" in lines
    words = ("forget", "own", "--definition", second[:6])
    untuned(*words, "--dry-run")
    what = f"own: definition {second} (2 missing trials that only it asks for)"
    assert capsys.readouterr().out == f"{what} would be dropped; nothing was changed\n"
    untuned(*words, "--yes")
    assert capsys.readouterr().out == f"{what} dropped; finished trials stay\n"
    assert untuned("status", "own", "--watch") == 0
    assert "own: 4/4 · finished" in capsys.readouterr().out
    assert Path(f"results/own/_dropped/{second}.yaml").is_file()
    with pytest.raises(UserError, match="it is the only one of own; untuned delete removes"):
        untuned("forget", "own", "--definition", first)


def test_a_definition_that_an_older_version_wrote_differently_is_dropped(store, capsys):
    write_study(Path(), seeds=3)
    untuned("register", "own.yaml")
    path = in_another_form(store, 1)
    second = store.definitions.recorded()[1].study.definition_hash
    assert path.stem != second
    capsys.readouterr()
    untuned("forget", "own", "--definition", second, "--yes")
    assert f"own: definition {second} (2 missing trials" in capsys.readouterr().out
    assert [one.study.seeds for one in store.definitions.recorded()] == [2]
    assert (store.local_path / "_dropped" / path.name).is_file()


def in_another_form(store, which):
    """Write a recorded definition as another version has written it; return its file."""
    name = store.definitions.recorded()[which].study.definition_hash
    path = store.local_path / "definitions" / f"{name}.yaml"
    content = strict_yaml.load(path.read_text())
    content["definition"]["combine"] = "product"
    path.unlink()
    path = path.with_stem(hash_of(content["definition"]))
    path.write_text(strict_yaml.dump(content))
    return path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either --where CONDITION or --definition ID"),
        (("--where", "seed=1", "--definition", "ab"), "give either --where CONDITION or"),
        (("--where", "seed"), "--where 'seed': give a column"),
        (("--definition", "zz"), "--definition zz: 0 definitions of own begin with it; recorded"),
    ],
)
def test_mistakes_are_answered_in_one_line(store, words, message):
    with pytest.raises(UserError) as refused:
        untuned("forget", "own", *words)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["own", "results/own"])
def test_a_study_is_deleted_with_all_of_its_files(store, capsys, name):
    train_study(Path(), name="other", seeds=1)
    untuned("delete", name, "--dry-run")
    line = capsys.readouterr().out
    assert line.startswith(f"own: 4 finished trials in {store.uri}, ")
    assert line.endswith(" kB would be deleted; nothing was changed\n")
    untuned("delete", name, "--yes")
    assert [path.name for path in Path("results").iterdir()] == ["other"]
    assert Path("own.yaml").is_file()
    with pytest.raises(UserError, match="unknown study with results"):
        untuned("delete", name, "--yes")


@pytest.mark.parametrize("files", [[], ["definitions/api.yaml"], ["definitions/notes.txt"]])
def test_a_folder_that_only_looks_like_a_study_is_not_deleted(files, store, capsys):
    folder = Path("results/docs")
    (folder / "definitions").mkdir(parents=True)
    for name in ("mine.txt", *files):
        (folder / name).write_text("mine")
    for name in ("docs", "results/docs"):
        with pytest.raises(UserError, match=r"results/docs: no definition of a study is recorded"):
            untuned("delete", name, "--yes")
    assert (folder / "mine.txt").read_text() == "mine"
    if "definitions/api.yaml" not in files:
        with pytest.raises(UserError, match="no results of docs in results; run first: untuned"):
            untuned("check", "docs")
        untuned("status")
        assert "docs" not in capsys.readouterr().out


def test_a_shipped_study_whose_folder_is_still_empty_is_known(store, capsys):
    Path("results/lenet-mnist/definitions").mkdir(parents=True)
    untuned("status", "lenet-mnist")
    assert "lenet-mnist: 0 of 33 trials finished" in capsys.readouterr().out


def test_status_without_a_study_lists_all_of_them(store, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv(shipped.VARIABLE, str(tmp_path / "shipped"))
    train_study(Path(), name="other", seeds=1, failing=1)
    Path("away").mkdir()
    train_study(Path("away"), name="far", seeds=1)
    ship(Store("away/results", "far"), masks=True)
    Path("results/broken/definitions").mkdir(parents=True)
    Path("results/broken/definitions/0.yaml").write_text("nothing")
    with SessionHeartbeat(store, "run"):
        untuned("status")
    captured = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in captured.out.splitlines() if line.strip()}
    assert rows["other"][:2] == ["1/2", "1"]
    assert rows["own"][:4] == ["4/4", "0", "in", "training"]
    assert rows["far"][0] == "2/2"
    assert rows["far"][-1] == "shipped"
    assert rows["broken"][0] == "?"
    assert "broken: " in captured.err
    untuned("status", "--json")
    states = {state["study"]: state for state in json.loads(capsys.readouterr().out)}
    assert (states["other"]["finished"], states["other"]["failed"]) == (1, 1)
    assert states["own"]["bytes"] == sum(
        path.stat().st_size for path in Path("results/own").rglob("*") if path.is_file()
    )
    with pytest.raises(UserError, match="status --watch: give a study"):
        untuned("status", "--watch")


def test_status_without_any_results_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    untuned("status")
    assert capsys.readouterr().out.startswith("no study has results in results; untuned list")
