"""Where and when trials are trained: plan, Ray Tune workers, progress, and the command line.

``orchestrator.run("digits")`` runs a study from Python and returns its results.
"""

from orchestrator.api import MissingTrialsError, run

__all__ = ["MissingTrialsError", "run"]
