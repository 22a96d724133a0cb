"""Where and when trials are trained: plan, Ray Tune workers, progress, and the command line.

``orchestrator.run("digits")`` runs a study from Python and returns its results.
"""

from orchestrator import _clashes  # noqa: F401  (looks after the paths of imports)
from orchestrator.api import MissingTrialsError, run

__all__ = ["MissingTrialsError", "run"]
