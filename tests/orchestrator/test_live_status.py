"""`untuned status --watch`: from results and heartbeats alone."""

import json
import math
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests_support import train_study, untuned, write_study

from orchestrator import plan
from orchestrator.cli.status import _print_runs
from orchestrator.execution.heartbeat import JOB, RunHeartbeat, SessionHeartbeat
from orchestrator.execution.live_runs import OtherRun
from orchestrator.status import live
from orchestrator.status.snapshot import Cell, Snapshot, SnapshotReader
from studies.store.folder import Folder
from studies.store.writer import Writer
from studies.study import read


@pytest.fixture
def study(tmp_path):
    """A study of two cells of two trials, whose last one failed: its results and trials."""
    return train_study(tmp_path, failing=1)


def test_a_look_counts_what_is_done_in_training_and_failed(study):
    store, trials = study
    reader = SnapshotReader([store], [])
    with SessionHeartbeat(store, "run") as run:
        run.update([trials[3].trial_id, trials[0].trial_id], 0.5)  # the first has just ended
        run._beat()
        shown = reader.read()
    assert [(c.planned, c.done, c.training, c.failed) for c in shown.cells] == [
        (2, 2, 0, 0),
        (2, 1, 1, 1),
    ]
    assert [cell.fields for cell in shown.cells] == [
        {"method": "dense"},
        {"method": "minimal-flipping"},
    ]
    assert (shown.rate, shown.left) == (0.5, 1.0)
    assert shown.failures[trials[3].trial_id]["error"] == "ValueError: bang"
    assert live.line(shown) == ("own: 3/4 · 1 failed · 1 in training · 30.0 trials/min · 1 s left")
    assert live.line(reader.read()) == "own: 3/4 · 1 failed · no run is active"


def test_a_run_that_starts_is_shown_before_it_trains(study, monkeypatch, capsys):
    store, trials = study
    reader = SnapshotReader([store], [])
    monkeypatch.setenv(JOB, "untuned-own-1a2b3c")
    with RunHeartbeat(store) as run:
        assert live.line(reader.read()) == "own: 3/4 · 1 failed · starting"
        with SessionHeartbeat(store, run.name) as session:
            session.update([trials[3].trial_id], None)
            session._beat()
            assert "own: 3/4 · 1 failed · 1 in training" in live.line(reader.read())
            (shown,) = reader.read().as_dict()["runs"]
            _print_runs(store)
    process = f"(process {os.getpid()} on {platform.node()})"
    line = f"  being run by job untuned-own-1a2b3c {process}; 1 trial in training\n"
    assert capsys.readouterr().out == line
    assert (shown["job"], shown["starting"]) == ("untuned-own-1a2b3c", False)
    _print_runs(store)
    assert capsys.readouterr().out == ""


def test_what_was_read_is_not_read_again(study, monkeypatch):
    store, _ = study
    reader = SnapshotReader([store], [])
    first = reader.read()
    read = []
    get = Folder.get
    monkeypatch.setattr(Folder, "get", lambda self, path: (read.append(path), get(self, path))[1])
    assert reader.read().cells == first.cells
    assert [path for path in read if path.endswith(".parquet")] == []


def test_a_study_that_nobody_ran_is_watched_by_its_file(tmp_path):
    store, _ = train_study(tmp_path, failing=4)
    for path in (Path(store.root) / "definitions").iterdir():
        path.unlink()
    shown = SnapshotReader([store], [read(tmp_path / "own.yaml")]).read()
    assert (shown.done, shown.planned) == (0, 4)
    assert shown.ranked == []


def test_masks_that_are_missing_are_counted_alike_everywhere(tmp_path):
    """Trained without masks, then asked for with them: run, status and the live view agree."""
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace("keep_masks: true\n", ""))
    store, trials = train_study(tmp_path, masks=False, write=False)
    assert plan.make(store.definitions.all(), store).todo == []
    assert SnapshotReader([store], []).read().done == 4
    store.definitions.record(read(write_study(tmp_path)))  # as the file was before
    planned = plan.make(store.definitions.all(), store)
    assert planned.todo == trials
    shown = SnapshotReader([store], []).read()
    assert (shown.done, shown.planned) == (0, 4)
    status = untuned("status", "own", cwd=tmp_path).stdout
    assert "own: 0 of 4 trials finished, 0 failed" in status
    assert "4 missing; continue with: untuned run" in status
    checked = untuned("check", "own.yaml", "--no-estimate", cwd=tmp_path).stdout
    assert "own: 4 of 4 trials would run" in checked


def test_a_trial_that_was_trained_again_for_its_masks_is_finished(tmp_path, monkeypatch):
    """Whatever the names of the parts: of two attempts the one with masks counts."""
    writers = iter(["f" * 12, "0" * 12])
    monkeypatch.setattr("studies.store.writer.secrets.token_hex", lambda _: next(writers))
    path = write_study(tmp_path)
    text = path.read_text()
    path.write_text(text.replace("keep_masks: true\n", ""))
    train_study(tmp_path, masks=False, write=False)
    path.write_text(text)
    store, _ = train_study(tmp_path, write=False)
    assert len(list((Path(store.root) / "trials").iterdir())) == 2
    assert plan.make(store.definitions.all(), store).todo == []
    shown = SnapshotReader([store], []).read()
    assert (shown.done, shown.planned) == (4, 4)
    status = untuned("status", "own", cwd=tmp_path).stdout
    assert "4 of 4 trials finished" in status
    assert "missing" not in status


def test_a_failure_counts_until_the_trial_is_finished_as_it_is_asked_for(tmp_path):
    """A trial recorded without masks fails as it is trained again for them."""
    path = write_study(tmp_path)
    text = path.read_text()
    path.write_text(text.replace("keep_masks: true\n", ""))
    store, trials = train_study(tmp_path, masks=False, write=False)
    writer = Writer(store)
    writer.fail(trials[0], writer.attempt(), "here", "ValueError: late", "Traceback")
    writer.flush()
    assert plan.make(store.definitions.all(), store).failures(store) == {}
    assert SnapshotReader([store], []).read().failed == 0
    path.write_text(text)
    store.definitions.record(read(path))
    planned = plan.make(store.definitions.all(), store)
    assert list(planned.failures(store)) == [trials[0].trial_id]
    assert SnapshotReader([store], []).read().failed == 1
    status = untuned("status", "own", cwd=tmp_path).stdout
    assert "0 of 4 trials finished, 1 failed" in status
    # Of the two definitions only the one that asks for masks has something to do.
    assert status.count("missing; continue with") == 1


def test_a_failure_from_before_the_trial_was_recorded_is_settled():
    early, late = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
    failure = {"trial_id": "a", "failed_at": early}
    assert plan.is_open_failure(failure, {"a"}, {})
    assert not plan.is_open_failure(failure, {"a"}, {"a": late})
    late_failure = {"trial_id": "a", "failed_at": late}
    assert not plan.is_open_failure(late_failure, set(), {"a": early})
    assert plan.is_open_failure(late_failure, {"a"}, {"a": early})


def cell(name="a", accuracy=math.nan, **about):
    counts = {"planned": 2, "done": 0, "training": 0, "failed": 0, "diverged_or_dead": 0} | about
    return Cell(fields={"method": name}, accuracy=accuracy, **counts)


def rendered(shown, height=40, width=80):
    from rich.console import Console

    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(live.screen(shown, height, width))
    return capture.get()


def test_the_screen_names_best_and_worst_cell():
    cells = [
        cell("a", 0.5, done=1),
        cell("b", 0.9, done=2, diverged_or_dead=1),
        cell("c", 0.7, done=1),
    ]
    said = rendered(Snapshot("own", cells, [OtherRun("r", "h", 1, frozenset())], {}))
    assert "best   90.00%  b" in said
    assert "worst  50.00%  a" in said
    assert "90.00% (1 diverged or dead)" in said
    assert "own " in said
    assert "4/6" in said


def test_the_screen_shows_no_density_of_a_method_that_takes_none():
    fields = [{"method": "free-pruning", "density": "0.0"}, {"method": "e", "density": "0.5"}]
    cells = [Cell(each, 2, 1, 0, 0, 0, 0.9 - index / 10) for index, each in enumerate(fields)]
    shown = Snapshot("own", cells, [], {})
    said = rendered(shown)
    assert "best   90.00%  free-pruning, \N{EN DASH}\n" in said
    assert "0.0 " not in said
    assert shown.as_dict()["cells"][0]["fields"] == fields[0]  # numbers, for who computes with it


def test_of_too_many_cells_those_are_shown_at_which_something_happens():
    cells = [cell(f"m{i}") for i in range(50)] + [cell("busy", training=1)]
    said = rendered(Snapshot("own", cells, [], {}), height=20)
    assert "busy" in said
    assert "and 39 cells more" in said
    assert said.count("\n") <= 20


def test_json_is_one_look_and_watching_ends_when_all_is_done(tmp_path):
    train_study(tmp_path)
    told = json.loads(untuned("status", "own", "--json", cwd=tmp_path).stdout)
    assert (told["done"], told["planned"], told["runs"]) == (4, 4, [])
    assert [one["done"] for one in told["cells"]] == [2, 2]
    answer = untuned("status", "own", "--watch", "--every", "0.2", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (0, "own: 4/4 · finished\n")


def test_status_names_the_cell_and_error_of_what_failed(study, tmp_path):
    answer = untuned("status", "own", cwd=tmp_path)
    failed = study[1][3].trial_id
    assert f"trial {failed} (minimal-flipping, seed 2) failed: ValueError: bang" in answer.stdout


def test_ctrl_c_ends_the_watching_alone(study, monkeypatch, capsys):
    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(live.time, "sleep", interrupted)
    assert live.watch(SnapshotReader([study[0]], []), 1.0) == 130
    assert capsys.readouterr().out.count("\n") == 1
