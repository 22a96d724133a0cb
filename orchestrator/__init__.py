"""Where and when trials are trained: plan, Ray Tune workers, progress, and the command line.

``orchestrator.run("digits")`` runs a study from Python and returns its results.
"""

import sys
from contextlib import suppress
from pathlib import Path


def _working_folder_last() -> None:
    """Import from the working folder only what is found nowhere else.

    Python puts it first for `python -m` and `python -c`. A user's `studies.py` or `trainers.py` in
    it would then be taken for this project's, here and in the workers, which have our paths.
    """
    with suppress(OSError):  # the working folder was deleted
        here = Path.cwd()
        if sys.path[:1] in ([""], [str(here)]) and here != Path(__file__).parents[1]:
            del sys.path[0]
            sys.path.append(str(here))


_working_folder_last()

from orchestrator.api import MissingTrialsError, run  # noqa: E402  (after the folders' order)

__all__ = ["MissingTrialsError", "run"]
