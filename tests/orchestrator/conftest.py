import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))  # for tests_support

from tests_support import DASHBOARD, Gate, Running, long_study, untuned, write_study

#: Of a job of another cluster: an environment of its programs, and a function that makes one.
FOREIGN = {
    "RAY_JOB_CONFIG_JSON_ENV_VAR": '{"runtime_env": {"env_vars": {"A": "1"}}}',
    "RAY_RUNTIME_ENV_HOOK": "nowhere.to_be_found",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder that a module's tests share, with a study that was run undisturbed in it.

    Its file `ray-logs` has the names of the logs that Ray wrote in this run, and `ray-artifacts`
    those of the files that Ray Tune left. Everything points to another program's cluster, whose job
    the command is.
    """
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    # A short name, since it is to hold sockets. Ray's last processes may still write into it.
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as ray:
        command = ("run", "own.yaml", "--workers", 2, "--keep-networks")
        foreign = "127.0.0.1:1"
        (Path(ray) / "ray").mkdir()
        (Path(ray) / "ray/ray_current_cluster").write_text(foreign)
        answer = untuned(*command, cwd=folder, RAY_TMPDIR=ray, RAY_ADDRESS=foreign, **FOREIGN)
        logs = sorted(path.name for path in Path(ray).glob("ray/session_2*/logs/*"))
        left = Path(ray).glob("ray/session_2*/artifacts/**/*")
        artifacts = sorted(path.name for path in left if path.is_file())
    assert answer.returncode == 0, answer.stderr
    (folder / "ray-logs").write_text("\n".join(logs))
    (folder / "ray-artifacts").write_text("\n".join(artifacts))
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
    """The study `long`, run undisturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    long_study(folder)
    gate = Gate(folder)
    gate.open()
    answer = untuned("run", "long.yaml", "--workers", 2, cwd=folder, PYTHONPATH=gate.path)
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
def server():
    """An HTTP server that gives the answers in a dictionary, and says that it is a dashboard.

    A path has a status and a body, None for a connection that is closed, or an iterator of those.
    """
    answers = {"/api/version": (200, DASHBOARD)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer = answers.get(self.path, (404, "no"))
            if not isinstance(answer, tuple | None):
                answer = next(answer)
            if answer is None:
                return
            self.send_response(answer[0])
            self.end_headers()
            self.wfile.write(answer[1].encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", answers
        running.shutdown()


@pytest.fixture
def gate(tmp_path, monkeypatch):
    """A gate that the method `gated` passes, epoch by epoch."""
    gate = Gate(tmp_path)
    monkeypatch.setenv("PYTHONPATH", gate.path)
    return gate
