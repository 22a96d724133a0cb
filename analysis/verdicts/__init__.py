"""Verdicts: what the results say about each claim, and how certain that is.

Every comparison is a mean over seeds of paired differences with its two-sided interval at `LEVEL`;
each bound of the interval is one-sided at 1 - `ALPHA`. A verdict is *supported* if the whole
interval lies on the claimed side of the criterion's bound (tested as p < `ALPHA`, the same
condition), *refuted* if the whole interval lies on the other side, and *undecided* otherwise. On
MNIST the bootstrap over seeds and test images must agree. On other data sets it is shown but does
not decide; BCa and the exact sign-flip test never decide.

`claims` declares claims, `comparing` pairs trials and tests the differences, `judging` draws the
conclusions, `combining` combines cells, and `telling` formats the verdicts.
"""

from analysis.verdicts.aggregation import overall
from analysis.verdicts.decisions import untested, verdicts
from analysis.verdicts.verdict import ALPHA, LEVEL, Comparison, Conclusion, Overall, Verdict

__all__ = [
    "ALPHA",
    "LEVEL",
    "Comparison",
    "Conclusion",
    "Overall",
    "Verdict",
    "overall",
    "untested",
    "verdicts",
]
