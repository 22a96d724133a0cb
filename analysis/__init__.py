"""The results of studies: tables, estimates, verdicts on claims, figures and the report.

``analysis.load("results/digits")`` returns the tables. Estimating (`analysis.estimates`,
`analysis.statistics`), judging (`analysis.verdicts`) and drawing (`analysis.figures`) are separate.
Nothing here needs torch or ray, and matplotlib is imported only when a figure is drawn.
"""

from analysis.tables import Results, load

__all__ = ["Results", "load"]
