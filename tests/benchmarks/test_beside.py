"""What is measured beside this checkout; how fast anything is, is not asserted anywhere."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import against
import bench
import peaks
import peers
from subjects import Subject, interleaved

ECHO = """
import os, sys
from subjects import serve

def answer(**request):
    print("not an answer")
    if request.get("fails"):
        raise ValueError("bang")
    return request | {"arguments": sys.argv[1:], "threads": os.environ["OMP_NUM_THREADS"]}

serve(answer)
"""


@pytest.fixture
def echo(tmp_path):
    """A subject's script that answers with what it is asked."""
    script = tmp_path / "echo.py"
    script.write_text(ECHO)
    return script


def test_a_subject_answers_in_a_process_of_its_own(echo, tmp_path):
    with Subject(echo, "a", 1, path=[tmp_path]) as subject:
        for number in (1, 2):
            assert subject.ask(number=number) == {
                "number": number,
                "arguments": ["a", "1"],
                "threads": "1",
            }


def test_a_subject_that_fails_is_named(echo, tmp_path, capfd):
    message = r"echo\.py has ended without an answer"
    with pytest.raises(RuntimeError, match=message), Subject(echo, path=[tmp_path]) as subject:
        subject.ask(fails=True)
    assert "ValueError: bang" in capfd.readouterr().err


class Counted:
    def __init__(self, log, name):
        self.log, self.name, self.count = log, name, 0

    def ask(self, what):
        self.count += 1
        self.log.append((self.name, what))
        return self.count


def test_subjects_are_asked_in_turn_and_their_first_answers_dropped():
    log = []
    subjects = {name: Counted(log, name) for name in ("old", "new")}
    assert interleaved(subjects, 2, what="step") == {"old": [2, 3], "new": [2, 3]}
    assert log == [("old", "step"), ("new", "step")] * 3


def test_the_commit_against_which_is_measured_is_unpacked_and_removed(tmp_path):
    if subprocess.run(
        ["git", "-C", against.ROOT, "rev-parse", "HEAD"], capture_output=True
    ).returncode:
        pytest.skip("this is no git repository")
    with against.checkout("HEAD") as folder:
        assert (folder / "trainers" / "loop.py").is_file()
        assert not (folder / ".git").exists()
    assert not folder.exists()
    message = "--against nonsense: fatal: not a valid object name"
    with pytest.raises(SystemExit, match=message), against.checkout("nonsense"):
        pass


def test_this_checkout_is_a_subject_whose_ratios_are_finite():
    step = {"what": "step", "method": "free-pruning", "network": "lenet-300-100"}
    trial = step | {"what": "trial", "batch_size": 128, "count": [1, 256]}
    with against.subject(against.ROOT) as subject:
        sides = {"old": subject, "new": subject}
        steps = interleaved(sides, 2, **step, batch_size=25, count=2)
        trials = interleaved(sides, 1, **trial)
    for times, part in ((steps, "step"), (trials, "all"), (trials, "training")):
        ratios = against._ratio(times, part)
        assert len(ratios) == len(times["old"])
        assert all(0 < ratio < math.inf for ratio in ratios)


#: A peer that is like open_lth where `peer_subject` uses it, and needs the same changes.
PEER = {
    "models/base.py": "import abc, torch\nclass Model(abc.ABC, torch.nn.Module): pass\n",
    "models/registry.py": """
from types import SimpleNamespace as Named
import models.base
def get_default_hparams(name):
    assert name == "mnist_lenet_300_100"
    return Named(dataset_hparams=Named(), training_hparams=Named(), model_hparams="model")
def get(hparams):
    return hparams
""",
    "datasets/registry.py": """
from pathlib import Path
from platforms.platform import get_platform
def get(hparams, train):
    raw = Path(get_platform().dataset_root, "mnist", "MNIST", "raw")
    labels = (raw / "train-labels-idx1-ubyte").read_bytes()
    return [hparams.batch_size, len(labels) - 8]
def get_platform():
    from platforms import platform
    return platform._PLATFORM
""",
    "platforms/platform.py": "def get_platform():\n    return _PLATFORM\n",
    "platforms/base.py": """
from dataclasses import dataclass
@dataclass
class Platform:
    num_workers: int = 0
""",
    "training/optimizers.py": "import numpy as np\ndef both(a, b): return np.product([a, b])\n",
    "training/train.py": """
from training import optimizers
def train(hparams, model, loader, output):
    assert hparams.training_steps == "1ep" and model == "model", hparams
    assert loader == [16, 32], loader
    assert optimizers.both(2, 3) == 6
""",
}


def test_a_peer_is_changed_in_a_copy_and_measured_beside_ours(tmp_path):
    for name, text in PEER.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    rows = list(peers.measure({"open_lth": tmp_path}, 1, 32, batch_size=16))
    assert [row.measure for row in rows] == [
        "ours, training alone",
        "ours, all included",
        "open_lth",
        "open_lth / ours, training alone",
        "open_lth / ours, all included",
    ]
    assert all(0 < row.value < math.inf for row in rows)
    for name, text in PEER.items():  # the checkout stays as it is
        assert (tmp_path / name).read_text() == text


def test_the_options_name_peers_and_a_commit(tmp_path, capsys):
    given = ["--quick", "--peer", f"open_lth={tmp_path}", "--against", "abc"]
    asked = bench.options([*given, "--peer", f"hidden-networks={tmp_path}"])
    assert asked.peer == [("open_lth", tmp_path), ("hidden-networks", tmp_path)]
    assert (asked.quick, asked.full, asked.against) == (True, False, "abc")
    assert list(bench.beside(bench.options([]))) == []
    for given, message in (
        (
            ["--peer", f"lth={tmp_path}"],
            "give NAME=PATH, where NAME is open_lth or hidden-networks",
        ),
        (["--peer", "open_lth=/nowhere/x"], "there is no folder /nowhere/x"),
        (["--quick", "--full"], "not allowed with argument"),
    ):
        with pytest.raises(SystemExit) as ended:
            bench.options(given)
        assert message in f"{ended.value}{capsys.readouterr().err}"


def test_the_roofline_is_the_better_of_the_products(monkeypatch):
    with monkeypatch.context() as timed:
        timed.setattr(peaks, "_best", lambda work, repeats: float(work() is not None))
        assert set(peaks.products().values()) == {2.0 * 1024**3}  # a second each
    monkeypatch.setattr(peaks, "products", lambda: {"torch.mm": 2e9, "oneDNN": 3e9})
    monkeypatch.setattr(peaks, "copies", lambda numbers: 1e9)
    rows = {row.measure: row.value for row in peaks.measure(rounds=1, steps=1)}
    assert rows["product of matrices, the best"] == 3
    assert rows["product of matrices by torch.mm"] == 2
