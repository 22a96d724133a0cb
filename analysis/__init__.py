"""The results of studies: tables, estimates, verdicts on claims, figures and the report.

``analysis.load("results/digits")`` returns the tables. Estimating (`analysis.estimates`,
`analysis.statistics`), judging (`analysis.verdicts`) and drawing (`analysis.figures`) are separate.
Nothing here needs torch or ray, and matplotlib is imported only when a figure is drawn.
"""

import runpy
from pathlib import Path

_clashes = runpy.run_path(str(Path(__file__).parents[1] / "studies" / "_clashes.py"))
_clashes["resolve"]("studies", "analysis")

from analysis.tables import Results, load  # noqa: E402  (it imports studies)

__all__ = ["Results", "load"]
