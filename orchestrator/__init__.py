"""Where and when trials are trained: plan, Ray Tune workers, progress, and the command line.

``orchestrator.run("digits")`` runs a study from Python and returns its results.
"""

import runpy
from pathlib import Path

_clashes = runpy.run_path(str(Path(__file__).parents[1] / "studies" / "_clashes.py"))
_clashes["working_folder_last"]()  # also for what our workers import
_clashes["check"]("studies", "trainers", "analysis", "orchestrator")

from orchestrator.api import MissingTrialsError, run  # noqa: E402  (of these packages)

__all__ = ["MissingTrialsError", "run"]
