"""Imports matplotlib, even if a user's environment names a backend that does not exist.

Figures are written to files and need no backend. Importing matplotlib fails if `MPLBACKEND` names
an unknown one. That it cannot keep its list of fonts for a user without a home is not said: it
makes the list anew.
"""

import importlib
import logging
import os
import sys

_logger = logging.getLogger("matplotlib")
_level = _logger.level
_logger.setLevel(logging.ERROR)
try:
    import matplotlib  # noqa: F401  (imported for the check)
except ValueError:
    _named = os.environ.pop("MPLBACKEND", None)
    for _module in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        del sys.modules[_module]  # imported half
    try:
        importlib.import_module("matplotlib")
    finally:
        if _named is not None:
            os.environ["MPLBACKEND"] = _named
finally:
    _logger.setLevel(_level)
