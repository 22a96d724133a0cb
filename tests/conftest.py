import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")

sys.path.insert(0, str(Path(__file__).parent))  # for s3_support and its like


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory):
    """Tests see neither the user's results and caches nor the folder that pytest was started in.

    Nor do they see shipped results, unless they name a folder of their own.

    All use the engine that every machine has, unless they choose another one.
    """
    folder, before = tmp_path_factory.mktemp("surroundings"), Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setenv("MPLCONFIGDIR", str(folder / "matplotlib"))
        patch.setenv("UNTUNED_ENGINE", "mm")
        patch.setenv("UNTUNED_SHIPPED", str(folder / "shipped"))
        # What else runs on this machine may take its memory; a test that wants it sets its own.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        (folder / "empty").mkdir()
        os.chdir(folder / "empty")
        yield folder / "empty"
        os.chdir(before)


@pytest.fixture(autouse=True)
def _empty_working_folder(_own_surroundings):
    """What a test leaves in the working folder is its own fault, and no other test's."""
    os.chdir(_own_surroundings)
    yield
    os.chdir(_own_surroundings)
    left = [path.name for path in _own_surroundings.iterdir()]
    assert left == [], "a test writes into the working folder; give it one of its own"


@pytest.fixture(autouse=True)
def _denormal_numbers():
    """A command that trains in this process sets them to zero; other tests want to see them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def nobodys_port():
    """A port of this machine at which nobody answers, as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # but it does not listen
        yield bound.getsockname()[1]


@pytest.fixture(scope="module")
def browser():
    """Chromium; the tests that need it are skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), "")
    if not program:
        pytest.skip("no Chromium here; Debian's is installed by: apt-get install chromium")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=program, args=["--no-sandbox"], timeout=0)
        yield started
        started.close()
