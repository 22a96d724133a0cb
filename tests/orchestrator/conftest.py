import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))  # for tests_support

from tests_support import GATED, Gate, Running, install_method, untuned, write_study


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder that a module's tests share, with a study that was run undisturbed in it.

    Its file `ray-logs` has the names of the logs that Ray wrote in this run.
    """
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    with tempfile.TemporaryDirectory(prefix="ray-") as ray:  # short, since it is to hold sockets
        command = ("run", "own.yaml", "--workers", 2, "--keep-networks")
        answer = untuned(*command, cwd=folder, RAY_TMPDIR=ray)
        logs = sorted(path.name for path in Path(ray).glob("ray/session_2*/logs/*"))
    assert answer.returncode == 0, answer.stderr
    (folder / "ray-logs").write_text("\n".join(logs))
    return folder


@pytest.fixture(autouse=True)
def none_left():
    """What a test that failed left running is ended."""
    yield
    while Running.started:
        process = Running.started.pop()
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A study of some seconds, run undisturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_study(folder, "long", seeds=6, epochs=60)
    answer = untuned("run", "long.yaml", "--workers", 2, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder


@pytest.fixture(scope="session")
def pets(tmp_path_factory):
    """A folder of 40 images of 8x8 pixels in colour, in two classes that can be told apart."""
    folder = tmp_path_factory.mktemp("pets")
    generator = np.random.default_rng(0)
    for label, name in enumerate(("cat", "dog")):
        (folder / name).mkdir()
        for number in range(20):
            pixels = generator.integers(0, 128, (8, 8, 3)) + 100 * label
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """A gate that the method `gated` passes, epoch by epoch."""
    gate = Gate(tmp_path)
    install_method(tmp_path, "gated", GATED.format(gate=str(gate.folder)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return gate
