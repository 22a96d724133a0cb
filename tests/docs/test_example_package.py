"""The documentation shows the components of the example package as they are, and they work."""

import math
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from docs_support import PAGES, ROOT, blocks

import analysis
from analysis import figures
from analysis.verdicts import verdicts
from analysis.verdicts.claims import chosen, every_claim
from orchestrator.execution import loggers
from orchestrator.execution.loggers import Destination, Loggers, logged_epoch
from studies.errors import UserError
from studies.trial import Trial
from trainers import check, datasets, registry
from trainers.loop import train
from trainers.network_files.format import network_from_bytes
from trainers.recording import Keep

PACKAGE = ROOT / "tests" / "example_package"
INSIDE = PACKAGE / "in_the_project"
SHOWN = [block for page in PAGES for block in blocks(page) if block.mark == "file"]
COMMON = {"network": "skip-32", "dataset": "stripes", "weights": "two-level(ratio=9)"}


def write_dist_info(folder):
    """Write the metadata that pip would write for the package, with its entry points."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    metadata = folder / "example_components-1.0.dist-info"
    metadata.mkdir()
    lines = [f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"]
    (metadata / "METADATA").write_text("".join(lines))
    groups = project["entry-points"].items()
    text = [f"[{g}]\n" + "".join(f"{n} = {m}\n" for n, m in points.items()) for g, points in groups]
    (metadata / "entry_points.txt").write_text("\n".join(text))


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make the example package importable, as if it were installed; yield the paths to add."""
    write_dist_info(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(PACKAGE))
    registry.forget()
    yield [str(tmp_path), str(PACKAGE)]
    registry.forget()


def trained(**values):
    """Train a trial on stripes and return its last record."""
    defaults = {"method": "sign-pruning", "seed": 1, "epochs": 10, "learning_rate": 0.01}
    trial = check(Trial(**COMMON | defaults | values))
    data = datasets.load("stripes", datasets.Place("stripes", Path()))
    return list(train([trial], data, keep=Keep(networks=True)))[-1]


@pytest.mark.parametrize("block", SHOWN, ids=[block.argument for block in SHOWN])
def test_the_documentation_shows_the_files_unchanged(block):
    assert block.code == (ROOT / block.argument).read_text(encoding="utf-8"), block.name


def test_all_files_of_the_package_are_shown():
    files = [path for path in PACKAGE.rglob("*.*") if path.suffix in (".py", ".toml")]
    expected = {str(p.relative_to(ROOT)) for p in files if p.name != "__init__.py"}
    assert {block.argument for block in SHOWN} == expected


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("network", "activation"),
    [("skip-32", "relu"), ("skip-32", "softsign"), ("lenet-32", "softsign")],
)
def test_the_components_are_trained_together(network, activation):
    record = trained(network=network, activation=activation)
    assert record.final["outcome"] == "completed"
    assert record.final["test_accuracy"] > 0.9
    assert record.final["changed"] > 0


@pytest.mark.usefixtures("installed")
def test_the_method_is_saved_as_a_bit_per_connection():
    record = trained(epochs=2)
    saved = network_from_bytes(record.network)
    assert [kept.dtype for kept in saved.trained.kept] == [torch.bool] * 3
    assert saved.about["scores"]["test_accuracy"] == record.final["test_accuracy"]


@pytest.mark.usefixtures("installed")
def test_the_method_refuses_what_it_does_not_read():
    with pytest.raises(UserError, match=r"density: 0\.5 is given, but the method sign-pruning"):
        check(Trial(**COMMON, method="sign-pruning", seed=1, epochs=1, density=0.5))


@pytest.mark.usefixtures("installed")
def test_the_weights_have_two_sizes_and_the_common_mean_square():
    module, match = registry.load("weights", "two-level(ratio=9)")
    uniform = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    drawn = module.magnitude(uniform, 50, 10, **match.parameters)
    assert drawn.unique().tolist() == pytest.approx([0.2 / math.sqrt(41), 1.8 / math.sqrt(41)])
    assert drawn.square().mean().item() == pytest.approx(2 / 50)


@pytest.mark.usefixtures("installed")
def test_the_activations_gradient_matches_autograd():
    module, _ = registry.load("activation", "softsign")
    x = torch.linspace(-3, 3, 13, requires_grad=True)
    module.activation(x).sum().backward()
    output = module.activate_(x.detach().clone())
    torch.testing.assert_close(module.backward_(torch.ones(13), output), x.grad)


@pytest.mark.usefixtures("installed")
def test_the_logger_writes_a_line_for_each_trial(tmp_path):
    trials = [Trial(**COMMON, method="dense", seed=seed, epochs=2) for seed in (1, 2)]
    log = Loggers(["best-epochs"], Destination("own", tmp_path), trials)
    row = dict.fromkeys(("mask_negative", "mask_zero"), 0) | {"connections": 1, "layer_name": "a"}
    for trial in trials:
        for epoch, accuracy in enumerate((0.5, 0.9, 0.7)):
            values = {"epoch": epoch, "validation_accuracy": accuracy}
            final = {"outcome": "completed"} if epoch == 2 else None
            log.note([logged_epoch(trial.trial_id, values, [row], final)])
    log.close()
    lines = (tmp_path / "own-best-epochs.txt").read_text().splitlines()
    assert lines == [f"{trial.trial_id} dense completed 1 0.9" for trial in trials]
    with pytest.raises(UserError, match="give --results on a local disk"):
        loggers.check(["best-epochs"], Destination("own", None))


def test_the_command_line_knows_the_components(installed, environment, tmp_path):
    paths = os.pathsep.join([*installed, str(ROOT)])
    command = ["train", *(word for name in COMMON for word in (f"--{name}", COMMON[name]))]
    answer = subprocess.run(
        [sys.executable, "-m", "orchestrator.cli", *command, "--method", "sign-pruning"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "epoch  10" in answer.stdout


def test_the_figure_is_drawn_from_a_file_in_the_folder(digits_study, monkeypatch):
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(INSIDE)])
    results = analysis.load(str(digits_study / "results" / "digits"))
    drawing = figures.draw("accuracy_by_seconds", results)
    points = [len(c.get_offsets()) for axes in drawing.figure.axes for c in axes.collections]
    assert sum(points) == len(results.trials) == 20


@pytest.mark.usefixtures("installed")
def test_the_claim_is_judged(digits_study):
    results = analysis.load(str(digits_study / "results" / "digits"))
    (claim,) = chosen(["free-or-minimal"])
    assert claim in every_claim()
    judged = verdicts(results, (claim,))
    assert {(v.cell["method"], v.cell["weights"], v.n) for v in judged} == {
        ("free-pruning", "he-normal", 2),
        ("free-pruning", "he-constant", 2),
    }


@pytest.mark.slow
def test_pip_installs_the_package(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "package")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    answer = subprocess.run(
        [*pip, "--target", str(tmp_path / "site"), str(tmp_path / "package")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    program = (
        "from trainers.registry import find; print(find('method', 'sign-pruning').component.module)"
    )
    paths = os.pathsep.join([str(tmp_path / "site"), str(ROOT)])
    printed = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == "example_components.sign_pruning"
