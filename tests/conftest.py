import sys

import pytest


@pytest.fixture(autouse=True)
def _denormal_numbers():
    """A command that trains in this process sets them to zero; other tests want to see them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
