"""What came out of a study: tables, estimates, verdicts on claims, figures and the report.

``analysis.load("results/digits")`` gives the tables. Estimating (`analysis.estimates`,
`analysis.statistics`), judging (`analysis.verdicts`) and drawing (`analysis.figures`) are separate.
None needs torch or ray, and nothing here imports matplotlib before something is drawn.
"""

from analysis.tables import Results, load

__all__ = ["Results", "load"]
