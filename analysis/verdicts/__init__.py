"""Verdicts: what the results say of each claim, and how sure that is.

Every comparison is a mean over seeds of paired differences, with its two-sided interval at `LEVEL`,
so that each of its bounds is one-sided at 1 - `ALPHA`. A verdict is *supported* where the bound
lies on the claimed side of the criterion's, *refuted* where the whole interval lies beyond it on
the other side, *undecided* otherwise. On MNIST the bootstrap over seeds and test images has to
agree; elsewhere it is shown beside, as are BCa and the exact sign-flip test everywhere.

`claims` declares, `comparing` pairs and tests, `judging` concludes, `combining` takes cells
together, `telling` puts it into words.
"""

from analysis.verdicts.combining import overall
from analysis.verdicts.judging import untested, verdicts
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
