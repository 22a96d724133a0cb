"""What came out of a study: tables, estimates, figures and the report.

``analysis.load("results/digits")`` gives the tables as pandas frames. Estimating
(`analysis.estimates`, `analysis.summary`) and drawing (`analysis.figures`) are separate; neither
needs torch or ray, and nothing here imports matplotlib before something is drawn.
"""

from analysis.tables import Results, load

__all__ = ["Results", "load"]
