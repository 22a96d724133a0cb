import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("calm", deadline=None)  # a busy machine is no failure
settings.load_profile("calm")

sys.path.insert(0, str(Path(__file__).parent))  # for s3_support and its like


@pytest.fixture(autouse=True)
def _denormal_numbers():
    """A command that trains in this process sets them to zero; other tests want to see them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
