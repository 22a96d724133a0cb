"""Verdicts: what the results say about each claim, and how certain that is.

Every comparison is a mean over seeds of paired differences with its two-sided interval at `LEVEL`;
each bound of the interval is one-sided at 1 - `ALPHA`. Where the answers to each test image are
recorded, the interval counts the noise of seeds and of images. A verdict is *supported* if the
whole interval lies on the claimed side of the criterion's bound (tested as p < `ALPHA`, the same
condition), *refuted* if the whole interval lies on the other side, and *undecided* otherwise, or if
something stands in the way: a rival below its floor, an edge of a grid, failures. An exploratory
verdict has other words, and p-values that are adjusted over all exploratory comparisons.

| module | what is in it |
|---|---|
| `claim`, `claims` | what a claim is; the claims |
| `partners`, `comparisons`, `budgets`, `floors` | pairs of trials, their estimates, floors |
| `committed`, `exploratory` | what was fixed beforehand; exploratory verdicts |
| `cases`, `decisions`, `aggregation` | cells of a claim, their conclusions, all together |
| `warnings`, `formatting` | what a reader must know; verdicts as text |
| `power_analysis` | what a study can decide, from its plan |
"""

from analysis.verdicts.aggregation import overall
from analysis.verdicts.decisions import lack, untested, verdicts
from analysis.verdicts.verdict import ALPHA, LEVEL, Comparison, Conclusion, Overall, Verdict

__all__ = [
    "ALPHA",
    "LEVEL",
    "Comparison",
    "Conclusion",
    "Overall",
    "Verdict",
    "lack",
    "overall",
    "untested",
    "verdicts",
]
