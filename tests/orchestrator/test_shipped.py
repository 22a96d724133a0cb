"""Shipped results: every command finds them, none changes them, and a run takes them over."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests_support import science_of, train_study, write_study

import analysis
import studies
from orchestrator.cli import cli
from studies.errors import UserError
from studies.store import Store, shipped
from studies.store.finished import finished
from studies.store.shipping import ship, size

TABLES = ("masks", "layers", "epochs", "trials")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a study of four trials, of which one failed."""
    folder = tmp_path_factory.mktemp("made")
    train_study(folder, failing=1)
    return folder


@pytest.fixture
def published(made, tmp_path, monkeypatch):
    """The study is shipped, and the working folder has no results."""
    monkeypatch.setenv(shipped.VARIABLE, str(tmp_path / "shipped"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    ship(Store(str(made / "results"), "own"), masks=True)
    return tmp_path / "shipped" / "own"


def untuned(*words):
    return cli.main([*map(str, words)], standalone_mode=False)


def tree(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_shipped_study_is_one_part_per_table_with_the_same_rows(made, published):
    assert {table: len(list((published / table).iterdir())) for table in TABLES} == dict.fromkeys(
        TABLES, 1
    )
    (definition,) = (made / "results/own/definitions").iterdir()
    assert (published / "definitions" / definition.name).read_text() == definition.read_text()
    own = analysis.load(str(made / "results/own"))
    theirs = analysis.load(str(published))
    columns = [name for name in own.trials if not name.endswith("_parts") and name != "host"]
    assert theirs.trials[columns].equals(own.trials[columns])
    for table in ("epochs", "layers", "masks"):
        order = "trial_id, epoch" if table == "epochs" else "trial_id, epoch, layer"
        rows = [getattr(loaded, table).order(order).df() for loaded in (own, theirs)]
        assert rows[0].equals(rows[1])
    assert not (published / "failures").exists()


def test_machines_have_numbers_instead_of_names(made, published):
    assert set(analysis.load("own").trials["host"]) == {"machine-1"}
    assert set(analysis.load(str(made / "results/own")).trials["host"]) == {"here"}


def test_every_reading_command_finds_them_and_changes_nothing(published, capsys):
    before = tree(published)
    untuned("status", "own")
    out = capsys.readouterr().out
    assert "own: 3 of 4 trials finished, 0 failed" in out
    assert f"3 finished trials in the shipped results only, {published}" in out
    untuned("status", "own", "--json")
    assert json.loads(capsys.readouterr().out)["done"] == 3
    untuned("results", "own", "--trials", "--json", "--columns", "trial_id")
    ids = [row["trial_id"] for row in json.loads(capsys.readouterr().out)]
    assert len(ids) == 3
    untuned("show", "own", ids[0])
    assert f"trial {ids[0]} of own: completed" in capsys.readouterr().out
    untuned("verdict", "own")
    assert "Means over seeds" in capsys.readouterr().out
    untuned("report", "own", "--figures", "final_accuracy")
    assert Path("results/own/report/report.html").is_file()
    untuned("export", "own", ids[0], "own.safetensors", "--again")
    assert Path("own.safetensors").is_file()
    assert tree(published) == before
    with pytest.raises(UserError, match="unknown study 'own'"):
        untuned("compact", "own")
    assert tree(published) == before


def test_a_run_takes_over_what_is_finished_and_trains_the_rest(made, published, capfd):
    write_study(Path())
    before = tree(published)
    untuned("run", "own.yaml", "--dry-run")
    assert "own: 1 of 4 trials would run; nothing started" in capfd.readouterr().out
    assert not Path("results").exists()
    untuned("run", "own.yaml", "--executor", "inline")
    captured = capfd.readouterr()
    assert (
        f"own: 3 finished trials taken over from the shipped results in {published}\n"
        in captured.err
    )
    assert "own: 1 of 4 trials to run" in captured.err
    assert "own: 4 of 4 trials finished (1 in this run" in captured.out
    store = Store("results", "own")
    assert (
        store.definitions.recorded()[0]
        == (Store(str(made / "results"), "own").definitions.recorded()[0])
    )
    assert tree(published) == before
    untuned("run", "own.yaml")
    captured = capfd.readouterr()
    assert captured.out == "own: nothing to do, all 4 trials are finished\n"
    assert "taken over" not in captured.err
    # The trial that was missing is the same, whoever trains it.
    untuned("run", "own.yaml", "--executor", "inline", "--no-shipped", "--results", "all")
    assert "own: 4 of 4 trials to run" in capfd.readouterr().err
    assert science_of(Path()) == science_of_folder("all")


def science_of_folder(folder):
    Path("elsewhere").mkdir()
    Path(folder).rename("elsewhere/results")
    return science_of("elsewhere")


def test_own_and_shipped_results_are_joined_by_id(made, published, capsys):
    """A trial that both have counts as it first ended, here in the shipped ones."""
    store, _ = train_study(Path(), seeds=1)
    untuned("status", "own")
    out = capsys.readouterr().out
    assert "own: 3 of 4 trials finished, 0 failed" in out
    assert "1 finished trial in the shipped results only" in out
    joined = analysis.load("own")
    assert (joined.finished, joined.planned, joined.names) == (3, 4, ("own",))
    hosts = joined.trials.set_index("trial_id")["host"]
    assert set(finished(store).ids) < set(hosts.index)
    assert sorted(hosts) == ["machine-1"] * 3
    assert len(joined.epochs.df()) == 3 * 3
    assert (joined.failed, joined.conflicts, joined.damaged) == ((), (), ())
    assert analysis.load("results/own").finished == 2  # a folder stands for itself
    untuned("results", "results/own", "--trials", "--csv")
    assert len(capsys.readouterr().out.splitlines()) == 1 + 2


def test_a_definition_of_ones_own_knows_what_is_shipped(published):
    """It would pass for one that was recorded before any result was known."""
    store, _ = train_study(Path(), seeds=1)
    (own,) = store.definitions.recorded()
    assert sorted(own.known) == [1]
    committed = analysis.load("own").plan.groupby("seed")["committed"].max()
    assert committed.tolist() == [0b01, 0b01]  # only the shipped definition came before


def test_a_registered_study_is_shipped_before_it_has_a_trial(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(shipped.VARIABLE, str(tmp_path / "shipped"))
    monkeypatch.chdir(tmp_path)
    untuned("register", "smoke", "--results", "first")
    ship(Store("first", "smoke"))
    capsys.readouterr()
    untuned("register", "smoke")
    assert "smoke: 0 finished trials taken over" in capsys.readouterr().err
    (before,), (after,) = (
        Store(folder, "smoke").definitions.recorded() for folder in ("first", "results")
    )
    assert after == before
    assert analysis.load("smoke").finished == 0


def test_a_file_of_the_same_name_is_another_study(published, capsys):
    write_study(Path(), epochs=3)
    untuned("run", "own.yaml", "--dry-run")
    assert "own: 4 of 4 trials would run" in capsys.readouterr().out


def test_shipping_again_goes_on_from_what_is_shipped(made, published, capsys):
    untuned("import", "own", "--from", published)
    train_study(Path(), name="other", seeds=1)
    untuned("import", "own", "--from", "results/other")  # the machine `here` has all of these
    done = ship(Store("results", "own"), masks=True)
    assert (done.trials, done.definitions, done.without_masks) == (3, 1, 0)
    assert done.bytes == size(published)
    assert set(analysis.load("own").trials["host"]) == {"machine-1"}
    lean = ship(Store("results", "own"))
    assert lean.without_masks == 3
    assert not (published / "masks").exists()
    assert finished(lean.store, masks=True).ids_with_masks == frozenset()


def test_what_may_not_be_shipped_is_refused_in_a_line(made, published, monkeypatch):
    before = tree(published)
    with pytest.raises(UserError, match="no definition in"):
        ship(Store("results", "own"))
    store, _ = train_study(Path(), seeds=1)
    with pytest.raises(UserError, match=r"1 shipped trials are not in .*; take them over first"):
        ship(store)
    monkeypatch.setattr(shipped, "MOST_BYTES", 1000)
    with pytest.raises(UserError, match="may have 1,000 bytes in all, leave something out"):
        ship(Store(str(made / "results"), "own"))
    assert tree(published.parent) == before


def test_a_foreign_file_beside_the_parts_is_not_shipped_and_no_damage(published):
    store, _ = train_study(Path())
    (store.local_path / "epochs" / "mine.parquet").write_bytes(b"x")
    ship(store, masks=True)
    assert not (published / "epochs" / "mine.parquet").exists()
    part = next((store.local_path / "epochs").glob("*-*.parquet"))
    part.write_bytes(b"x")
    with pytest.raises(UserError, match="own: 1 damaged parts"):
        ship(store, masks=True)


@pytest.mark.parametrize("place", ["file", "s3://bucket/results"])
def test_a_variable_that_names_no_folder_is_named(place, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(shipped.VARIABLE, place)
    with pytest.raises(UserError, match=f"^UNTUNED_SHIPPED.* {place}: "):
        shipped.names()
    monkeypatch.setenv(shipped.VARIABLE, "~/shipped")
    assert shipped.folder() == Path.home() / "shipped"


def test_the_project_ships_at_most_thirty_megabytes():
    assert size(shipped.FOLDER) <= shipped.MOST_BYTES == 30_000_000


def test_the_wheel_has_no_shipped_results(tmp_path):
    """A wheel is made, of a copy of the package that is as small as possible."""
    root = Path(studies.__file__).parents[1]
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    files = ("__init__.py", "library/smoke.yaml", "results/smoke/definitions/0.yaml")
    for name in (*files, "results/smoke/trials/a-1-0.parquet"):
        path = tmp_path / "studies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    build = "from setuptools import build_meta; build_meta.build_wheel('made')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "made").glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        packed = [name for name in opened.namelist() if name.startswith("studies/")]
    assert sorted(packed) == ["studies/__init__.py", "studies/library/smoke.yaml"]
