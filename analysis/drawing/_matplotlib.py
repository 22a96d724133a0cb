"""Imports matplotlib, even if a user's settings of it are unusable.

Figures are written to files with a theme of their own, and need no settings. Importing matplotlib
fails if `MPLBACKEND` names an unknown backend, or if the `matplotlibrc` of the working folder or of
the user cannot be read or is not UTF-8. Then it is imported without these.

Hides matplotlib's warning that it cannot cache its font list.
"""

import contextlib
import importlib
import logging
import os
import sys
from pathlib import Path


def _import_without_settings() -> None:
    """Import matplotlib in a folder without a `matplotlibrc`, and with an empty one set."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        del sys.modules[name]  # imported half
    given = {name: os.environ.pop(name, None) for name in ("MPLBACKEND", "MATPLOTLIBRC")}
    os.environ["MATPLOTLIBRC"] = os.devnull
    try:
        with contextlib.chdir(Path(__file__).parent):  # its working folder's comes before all
            importlib.import_module("matplotlib")
    finally:
        del os.environ["MATPLOTLIBRC"]
        os.environ.update({name: value for name, value in given.items() if value is not None})


_logger = logging.getLogger("matplotlib")
_level = _logger.level
_logger.setLevel(logging.ERROR)
try:
    import matplotlib  # noqa: F401  (imported for the check)
except (ValueError, OSError):
    _import_without_settings()
finally:
    _logger.setLevel(_level)
