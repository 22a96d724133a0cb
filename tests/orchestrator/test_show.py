"""`untuned show`: one trial, as it is recorded."""

import json
import shlex

import pytest
from tests_support import in_the_base_install, train_study, untuned

from orchestrator.cli.show import train_command
from studies import Trial


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a study of which the last trial failed."""
    folder = tmp_path_factory.mktemp("show")
    _, trials = train_study(folder, failing=1)
    return folder, trials


def show(place, trial, *arguments):
    return untuned("show", "own", trial.trial_id, *arguments, cwd=place[0])


def test_a_finished_trial_is_shown_with_its_curves_and_layers(place):
    trial = place[1][2]
    answer = show(place, trial)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[0] == f"trial {trial.trial_id} of own: completed after epoch 2"
    words = [line.split() for line in lines]
    assert ["method", "minimal-flipping"] in words
    assert ["took", "1.50", "s"] in words
    (layer,) = (row for row in words if row[:1] == ["fc1"])
    assert layer[1] == f"{64 * 16:,}"
    assert max(map(len, lines[: lines.index("train it again with")])) <= 80


def test_losses_are_printed_as_recorded_and_accuracies_in_percent(place):
    trial = place[1][2]
    figures = json.loads(show(place, trial, "--json").stdout)["figures"]
    wide = untuned("show", "own", trial.trial_id, cwd=place[0], COLUMNS="140").stdout
    (losses,) = (line for line in wide.splitlines() if line.split()[:2] == ["test", "loss"])
    assert f" {figures['test_loss']:.4f} " in losses
    (accuracies,) = (line for line in wide.splitlines() if line.split()[:2] == ["test", "accuracy"])
    assert f" {figures['test_accuracy'] * 100:.2f} %" in accuracies


def test_json_holds_what_is_recorded_and_a_command_that_trains_it_again(place):
    trial = place[1][2]
    description = json.loads(show(place, trial, "--json").stdout)
    assert Trial.from_mapping(description["configuration"]) == trial
    assert description["curves"]["epoch"] == [0, 1, 2]
    assert description["curves"]["test_accuracy"][-1] == description["figures"]["test_accuracy"]
    program, *arguments = shlex.split(description["command"])
    assert program == "untuned"
    again = untuned(*arguments, "--json", cwd=place[0])
    last = json.loads(again.stdout.splitlines()[-1])
    assert last["test_accuracy"] == description["figures"]["test_accuracy"]
    assert last["changed"] == description["figures"]["changed"]


def test_a_failed_trial_is_shown_with_its_error_and_log(place):
    answer = show(place, place[1][-1])
    assert ": failed" in answer.stdout
    assert "ValueError: bang" in answer.stdout
    assert "| Traceback: bang" in answer.stdout


def test_the_base_install_shows_trials(place):
    folder, trials = place
    answer = in_the_base_install(folder, ["show", "own", trials[0].trial_id])
    assert answer.returncode == 0, answer.stderr


def test_the_command_is_quoted_and_leaves_defaults_out():
    given = {"network": "conv2", "dataset": "my pets", "method": "dense", "seed": 1, "epochs": 2}
    trial = Trial(**given, weights="lognormal(sigma=0.5)", affine=True, width=0.5)
    assert train_command(trial, {}) == (
        "untuned train --network conv2 --dataset 'my pets' --method dense "
        "--weights 'lognormal(sigma=0.5)' --seed 1 --epochs 2 --width 0.5 --affine true "
        "--data 'my pets=folder:PATH'"
    )
    assert "--data 'my pets=folder:/x y'" in train_command(trial, {"my pets": "folder:/x y"})


@pytest.mark.parametrize(
    ("engine", "preferred", "option"),
    [
        ("mlp", "mm", None),
        ("mlp", "onednn", "mm"),
        ("mlp-onednn", "mm", "onednn"),
        ("leaf-onednn", "onednn", "onednn"),
        ("", "onednn", None),
    ],
)
def test_the_command_names_the_engine_where_another_might_be_taken(
    engine, preferred, option, monkeypatch
):
    monkeypatch.setattr("trainers.devices.preferred_products", lambda: preferred)
    given = {"network": "conv2", "dataset": "digits", "method": "dense", "seed": 1, "epochs": 2}
    words = train_command(Trial(**given, weights="he-normal"), {}, engine).split()
    found = words[words.index("--engine") + 1] if "--engine" in words else None
    assert found == option
