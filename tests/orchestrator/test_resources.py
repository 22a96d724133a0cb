"""Workers and GPUs: what options ask for, held against what there is."""

import pytest

from orchestrator.execution.messages import Resources, RunOptions
from orchestrator.execution.resources import engine, on_this_machine
from studies.errors import UserError


@pytest.mark.parametrize(
    ("there", "given", "expected"),
    [
        (2, (None, None, None), (2, 2, 1.0)),
        (2, (None, None, 0.25), (8, 2, 0.25)),
        (2, (None, 1, 0.5), (2, 1, 0.5)),
        (2, (4, None, None), (4, 2, 0.5)),
        (1, (3, None, 0.3), (3, 1, 0.3)),
        (2, (1, None, None), (1, 2, 1.0)),
        (2, (3, None, None), (3, 2, 0.5)),
        (2, (5, None, None), (5, 2, 1 / 3)),
        (1, (93, None, None), (93, 1, 1 / 93)),  # 1 / (1 / 93) is a little below 93
    ],
)
def test_workers_share_gpus(there, given, expected, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: there)
    workers, gpus, fraction = given
    options = RunOptions(workers=workers, device="cuda", gpus=gpus, gpu_fraction=fraction)
    assert on_this_machine(options) == Resources(
        expected[0], "cuda", expected[1], expected[2], lock_step=True
    )


@pytest.mark.parametrize("given", [(None, 3, None), (5, None, 0.5), (3, 1, 0.5)])
def test_too_many_workers_for_the_gpus_are_refused(given, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: 2)
    workers, gpus, fraction = given
    options = RunOptions(workers=workers, gpus=gpus, gpu_fraction=fraction)
    with pytest.raises(UserError, match="this machine has 2 GPUs, and"):
        on_this_machine(options)


@pytest.mark.parametrize("option", ["--gpus", "--gpu-fraction", "--tf32"])
def test_what_is_for_gpus_is_refused_on_a_cpu(option, monkeypatch):
    monkeypatch.setattr("trainers.devices.gpus", lambda: 0)
    given = {"--gpus": 2, "--gpu-fraction": 0.5, "--tf32": True}
    options = RunOptions(device="cpu", **{option[2:].replace("-", "_"): given[option]})
    with pytest.raises(UserError, match=f"{option}.*: the run is on the CPU; leave it out"):
        on_this_machine(options)


@pytest.mark.parametrize(
    ("choice", "recorded", "expected"),
    [
        ("auto", [], "onednn"),
        ("auto", ["mlp", "leaf"], "mm"),
        ("auto", ["mlp", "leaf-onednn", "mlp-onednn"], "onednn"),
        ("mm", ["mlp-onednn"], "mm"),
        ("onednn", ["mlp"], "onednn"),
    ],
)
def test_a_run_goes_on_with_the_engine_of_its_finished_trials(
    choice, recorded, expected, monkeypatch
):
    monkeypatch.setattr("trainers.devices.preferred_products", lambda: "onednn")
    assert engine(choice, recorded) == expected
