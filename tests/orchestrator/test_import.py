"""`untuned import`: results of another place become results of this one."""

import shutil

import pytest
from s3_support import served
from tests_support import science_of, train_study, write_study

from orchestrator.cli import cli
from studies.errors import UserError
from studies.store import Store
from studies.store.finished import finished
from studies.store.writer import Writer


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """A folder with a finished study of four trials."""
    folder = tmp_path_factory.mktemp("there")
    train_study(folder)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def untuned(*words):
    return cli.main([*map(str, words)], standalone_mode=False)


def test_a_study_of_which_nothing_is_here_is_taken_over_whole(there, here, capsys):
    source = there / "results/own"
    assert untuned("import", "own", "--from", source, "--dry-run") == 0
    line = f"own: 4 trials and 1 definition would be taken over from {source}\n"
    assert capsys.readouterr().out == line
    assert list(here.iterdir()) == []
    assert untuned("import", "own", "--from", source) == 0
    assert science_of(here) == science_of(there)
    assert untuned("import", "own", "--from", source) == 0
    assert capsys.readouterr().out.endswith(
        f"own: 0 trials taken over from {source} (4 already here)\n"
    )
    untuned("status", "own")
    assert "own: 4 of 4 trials finished, 0 failed" in capsys.readouterr().out


def test_a_study_takes_what_it_asks_for_from_another(there, here, capsys):
    write_study(here, "mine", seeds=1)
    assert untuned("import", "mine.yaml", "--from", there / "results/own") == 0
    source = there / "results/own"
    assert capsys.readouterr().out == (
        f"mine: 2 trials taken over from {source} (2 not of this study)\n"
    )
    store = Store(str(here / "results"), "mine")
    assert len(finished(store).ids) == 2
    assert store.definitions.all() == []


def test_other_figures_are_named_in_a_line_and_not_taken_over(there, here, capsys):
    shutil.copytree(there / "results", here / "results")
    store = Store(str(here / "results"), "own")
    (row, *_) = finished(store).rows.drop_columns("part").to_pylist()
    shutil.rmtree(here / "results/own/trials")
    other = row | {"test_accuracy": row["test_accuracy"] / 2}
    store.tables.write("trials", [other], Writer(store).name, 1)
    assert untuned("import", "own", "--from", there / "results/own") == 1
    assert capsys.readouterr().err == (
        "not taken over, since they have other figures here under the same engine and versions: "
        f"1 trial ({row['trial_id']})\n"
    )
    assert finished(store).row(row["trial_id"])["test_accuracy"] == other["test_accuracy"]
    assert len(finished(store).ids) == 4


@pytest.mark.parametrize(
    ("study", "source", "message"),
    [
        ("own", "nowhere/own", "unknown study 'own'"),
        ("digits", "nowhere/digits", "--from nowhere/digits: no results there; give a study's"),
        ("own", "own", "unknown study 'own'"),
        ("digits", "s3://key:secret@bucket/own", "there are credentials in the URI"),
    ],
)
def test_mistakes_are_answered_in_one_line(here, study, source, message):
    with pytest.raises(UserError) as refused:
        untuned("import", study, "--from", source)
    assert message in str(refused.value)


def test_results_are_not_taken_from_themselves(there, monkeypatch):
    monkeypatch.chdir(there)
    with pytest.raises(UserError, match="these are the results of own themselves"):
        untuned("import", "own", "--from", "results/own")


def test_results_travel_through_an_object_store(there, here, monkeypatch):
    with served() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
        source = there / "results/own"
        untuned("import", "own", "--from", source, "--results", "s3://results/deep")
        untuned("import", "own", "--from", "s3://results/deep/own")
    assert science_of(here) == science_of(there)
