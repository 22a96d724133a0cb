import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for tests_support

from tests_support import untuned, write_study


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder that a module's tests share, with a study that was run undisturbed in it."""
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    answer = untuned("run", "own.yaml", "--workers", 2, cwd=folder)
    assert answer.returncode == 0, answer.stderr
    return folder
