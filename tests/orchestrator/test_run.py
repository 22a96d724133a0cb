"""Whole runs through the command line on a real Ray, with real processes killed."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import ray
from tests_support import (
    FAILING,
    UNTUNED,
    in_the_base_install,
    install_method,
    science_of,
    trial_rows,
    untuned,
    write_study,
)
from uv import find_uv_bin

import analysis
from orchestrator.execution import ray_services
from studies.store import Store
from studies.store.finished import failed_attempts
from trainers import devices, products

TABLES = ("masks", "layers", "epochs", "trials")


def copy(place, folder):
    shutil.copytree(place, folder, dirs_exist_ok=True)
    return folder


def test_a_study_is_run_whole_and_once(place):
    rows = trial_rows(place)
    assert len(rows) == 4
    assert len(set(rows["trial_id"].to_pylist())) == 4
    assert set(rows["outcome"].to_pylist()) == {"completed"}
    assert set(rows["device"].to_pylist()) == {"cpu"}
    assert set(rows["threads"].to_pylist()) == {1}
    loaded = analysis.load(str(place / "results" / "own"))
    epochs = loaded.epochs.df()
    assert (len(epochs), len(loaded.layers.df())) == (4 * 3, 4 * 3 * 2)
    assert len(loaded.masks.df()) == 4 * 2
    assert set(rows["engine"].to_pylist()) == {"mlp"}
    assert set(rows["peak_device_memory"].to_pylist()) == {None}
    assert all(2**26 < peak < 2**34 for peak in rows["peak_memory"].to_pylist())
    parts = epochs.groupby("trial_id")[["train_seconds", "evaluation_seconds"]].sum()
    for row in rows.to_pylist():  # drawing weights and all else belongs to a trial's seconds
        assert row["seconds"] > parts.loc[row["trial_id"]].sum()
    assert not (place / "results" / "own" / "failures").exists()


def test_no_worker_is_started_with_an_environment_of_its_own(place):
    """Else Ray could not give a trial any of the workers that it has started ahead.

    How many Ray starts is not judged: on a slow machine it may add one. Where it has no agents, a
    worker that wants an environment would end this run.
    """
    logs = (place / "ray-logs").read_text().split()
    processes = {log.partition("-")[0].partition(".")[0] for log in logs}
    assert "worker" in processes
    assert not {"runtime_env_setup", "dashboard", "monitor", "log_monitor"} & processes
    if ray.__version__.startswith(ray_services._VERSIONS_WITHOUT_AGENTS):
        assert not {"runtime_env_agent", "dashboard_agent"} & processes


def test_another_programs_cluster_is_not_joined_and_nothing_is_left_of_ray_tune(place):
    """The run of this fixture would have failed to join: nothing answers at that address."""
    assert (place / "ray-artifacts").read_text() == ""
    assert len(trial_rows(place)) == 4


def test_run_again_it_does_nothing_and_says_so(place):
    before = sorted((place / "results").rglob("*"))
    answer = untuned("run", "own.yaml", cwd=place)
    assert answer.returncode == 0
    assert answer.stdout == "own: nothing to do, all 4 trials are finished\n"
    assert sorted((place / "results").rglob("*")) == before


def test_under_uv_nothing_is_sent_to_the_workers(tmp_path):
    """Ray would send the working folder, which may be of any size, and set up its project."""
    path = write_study(tmp_path, seeds=1)
    path.write_text(path.read_text().replace("[dense, minimal-flipping]", "dense"))
    with (tmp_path / "large").open("wb") as large:
        large.truncate(2**40)
    uv = [find_uv_bin(), "run", "--no-project", "--offline", "--python", sys.executable]
    command = [*uv, *UNTUNED, "run", "own.yaml", "--workers", "1"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "1 of 1 trials finished" in answer.stdout


def test_more_seeds_run_only_the_new_trials(place, tmp_path):
    folder = copy(place, tmp_path)
    before = set(trial_rows(folder)["attempt"].to_pylist())
    more = ["--seeds", 3, "--workers", 1, "--tensorboard", "curves"]
    engine = "onednn" if products._has_onednn() else "mm"
    more += ["--engine", engine]
    answer = untuned("run", "own.yaml", *more, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert len(list((folder / "curves").iterdir())) == 2
    assert "6 of 6 trials finished (2 in this run" in answer.stdout
    rows = trial_rows(folder)
    assert len(rows) == 6
    assert before < set(rows["attempt"].to_pylist())
    recorded = [row["engine"] for row in rows.to_pylist() if row["attempt"] not in before]
    assert [devices.products_of(name) for name in recorded] == [engine] * 2
    status = untuned("status", "own", cwd=folder)
    assert "6 of 6 trials finished, 0 failed" in status.stdout


def test_masks_say_what_was_changed_and_networks_are_there_to_take(place):
    loaded = analysis.load(str(place / "results" / "own"))
    changed = {
        (row["trial_id"], row["layer"]): row["mask_negative"] + row["mask_zero"]
        for row in loaded.final_layers.df().to_dict("records")
    }
    for row in loaded.masks.df().to_dict("records"):
        bits = np.unpackbits(np.frombuffer(row["kept"], np.uint8), count=np.prod(row["shape"]))
        assert len(bits) - bits.sum() == changed[row["trial_id"], row["layer"]]
    kept = sorted(path.name for path in (place / "results/own/networks").iterdir())
    assert [name[:12] for name in kept] == sorted(trial_rows(place)["trial_id"].to_pylist())


def test_an_exported_network_has_the_recorded_accuracy(place, tmp_path):
    results = ["--results", place / "results"]
    of_each_method = {row["method"]: row for row in trial_rows(place).to_pylist()}
    for row in of_each_method.values():
        file = tmp_path / f"{row['trial_id']}.safetensors"
        made = untuned("export", "own", row["trial_id"], file, *results, cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        told = json.loads(untuned("evaluate", file, "--json", cwd=tmp_path).stdout)
        assert told["accuracy"] == told["recorded_accuracy"] == row["test_accuracy"]
        assert told["loss"] == row["test_loss"]
        if row["method"] != "dense":  # a bit for each of 16 * 64 + 10 * 16 connections
            assert file.stat().st_size < 1184 / 8 + 4 * 64 + 2048


def test_what_was_not_kept_is_said_and_trained_again_if_wanted(place, tmp_path):
    folder = copy(place, tmp_path)
    kept = sorted((folder / "results/own/networks").iterdir())
    trial_id, before = kept[0].name[:12], kept[0].read_bytes()
    export = ("export", "own", trial_id[:6], "net.safetensors")
    kept[0].write_bytes(before[:-1])
    assert f"{kept[0].name}: damaged" in untuned(*export, cwd=folder).stderr
    kept[0].unlink()
    answer = untuned(*export, cwd=folder)
    assert answer.returncode == 2
    assert f"trial {trial_id}: its network was not kept" in answer.stderr
    again = untuned(*export, "--again", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "note:" not in again.stderr
    assert (folder / "net.safetensors").read_bytes() == before


def test_verdicts_in_a_terminal_and_for_programs(place):
    answer = untuned("verdict", "own", "--pairs", cwd=place)
    assert answer.returncode == 0, answer.stderr
    assert "C5-time similar-cost: Training connections" in answer.stdout
    assert "minimal-flipping: " in answer.stdout
    assert "minimal-flipping; training time to that accuracy" in answer.stdout  # the pairs
    last = answer.stdout.splitlines()[-1]
    assert last.startswith("Not tested, for lack of cells: C1, ")
    assert " C6, " in last
    table = untuned("verdict", "own", "--markdown", cwd=place).stdout.splitlines()
    assert table[0].startswith("| claim | method |")
    assert all(line.count(" | ") == 7 for line in table[2:])
    told = json.loads(untuned("verdict", "own", "--json", "--claim", "C5", cwd=place).stdout)
    assert [verdict["method"] for verdict in told["verdicts"]] == ["minimal-flipping"]
    ids = set(trial_rows(place)["trial_id"].to_pylist())
    pairs = told["verdicts"][0]["comparisons"][0]["pairs"]
    assert {pair[side] for pair in pairs for side in ("trial", "partner")} <= ids


def test_the_base_install_judges_and_reports(place, tmp_path):
    results = ["--results", str(place / "results")]
    for command in (["verdict", "own"], ["report", "own", "--output", "page"]):
        answer = in_the_base_install(tmp_path, [*command, *results])
        assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "page" / "final_accuracy.png").exists()


def test_merged_parts_hold_the_same_and_the_study_stays_finished(place, tmp_path):
    folder = copy(place, tmp_path)
    answer = untuned("compact", "own", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    counts = [int(n) for n in re.findall(r"(\d+) parts, now", answer.stdout)]
    assert counts[:4] == [len(list((place / "results/own" / t).iterdir())) for t in TABLES]
    assert all(len(list((folder / "results/own" / t).iterdir())) == 1 for t in TABLES)
    assert science_of(folder) == science_of(place)
    assert "nothing to do" in untuned("run", "own.yaml", cwd=folder).stdout
    answer = untuned("report", place / "results/own", "results/own", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert "equal (2)" in (folder / "reports" / "own" / "report.html").read_text()


@pytest.mark.slow
def test_a_damaged_part_is_named_and_its_trials_run_again(place, tmp_path):
    folder = copy(place, tmp_path)
    part = next((folder / "results/own/epochs").glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    for command in ("status", "verdict"):
        answer = untuned(command, "own", cwd=folder)
        assert answer.returncode == 0, answer.stderr
        assert f"epochs/{part.name}" in answer.stdout + answer.stderr
    answer = untuned("run", "own.yaml", cwd=folder)
    assert answer.returncode == 0, answer.stderr
    assert f"damaged part epochs/{part.name} set aside" in answer.stderr
    assert science_of(folder) == science_of(place)
    assert "nothing to do" in untuned("run", "own.yaml", cwd=folder).stdout


@pytest.mark.parametrize("method", ["dense", "minimal-flipping"])
def test_train_equals_the_recorded_rows_to_the_bit(place, method):
    arguments = ["train", "--network", "lenet-16", "--dataset", "digits", "--method", method]
    arguments += ["--weights", "he-constant", "--seed", 2, "--epochs", 2, "--json"]
    answer = untuned(*arguments, cwd=place)
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    epochs = analysis.load(str(place / "results" / "own")).epochs
    recorded = epochs.filter(f"method = '{method}' AND seed = 2").order("epoch").df()
    assert len(lines) == len(recorded) == 3
    for line, (_, row) in zip(lines, recorded.iterrows(), strict=True):
        seconds = line.pop("seconds")
        assert seconds > 0
        assert line == {name: row[name] for name in line}


@pytest.mark.slow
def test_a_trial_that_fails_is_named_and_costs_the_others_nothing(tmp_path):
    install_method(tmp_path, "failing", FAILING)
    path = write_study(tmp_path, seeds=1)
    path.write_text(path.read_text().replace("dense,", "dense, failing,"))
    answer = untuned("run", "own.yaml", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert answer.returncode == 1
    assert "own: 2 of 3 trials finished; 1 are missing" in answer.stderr
    assert len(failed_attempts(Store(str(tmp_path / "results"), "own"))) == 1 + 2  # tried again
    log = re.search(r"failed; see (\S+)", answer.stderr)[1]
    assert "ZeroDivisionError: bang" in Path(log).read_text()
    assert "Traceback" not in answer.stderr
    status = untuned("status", "own", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert "2 of 3 trials finished, 1 failed" in status.stdout
    assert log in status.stdout
    hasty = untuned("run", "own.yaml", "--fail-fast", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert hasty.returncode == 1
    assert "ended early: a trial failed, and --fail-fast was given" in hasty.stderr
    assert len(failed_attempts(Store(str(tmp_path / "results"), "own"))) == 3 + 1


def test_another_data_set_of_the_same_name_is_refused(place, tmp_path):
    # The recorded fingerprint differs from that of the data: as if the data had been exchanged.
    folder = copy(place, tmp_path)
    results = folder / "results"
    store = Store(str(results), "own")
    rows = store.tables.read("trials").rows.drop_columns("part").to_pylist()
    shutil.rmtree(results / "own" / "trials")
    store.tables.write("trials", [row | {"dataset_fingerprint": "0" * 16} for row in rows], "a", 1)
    answer = untuned("run", "own.yaml", "--seeds", 3, cwd=folder)
    assert answer.returncode == 2
    assert "is not the one that the finished trials were trained on" in answer.stderr
    assert answer.stderr.count("\n") == 2  # the line of what was to be run, and the mistake
