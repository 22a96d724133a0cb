"""Tests, intervals and corrections: pure functions of numpy arrays, no frames and no drawing.

| module | what is in it |
|---|---|
| `paired` | the t interval and one-sided t tests of paired differences; equivalence |
| `crossed` | the mean difference with one standard error for seeds and test images |
| `permutation` | the exact sign-flip test |
| `power` | the power of non-inferiority tests, and the number of seeds that they need |
| `resampling` | BCa; McNemar per pair of trials |
| `multiple` | several tests at once: intersection-union, Holm, Benjamini-Hochberg |
| `overlap` | the overlap of masks, corrected for chance |
| `overview` | many runs: interquartile mean, performance profile, probability of improvement |
| `checks` | the checks of arguments that all of them share |

Data that allow no estimate (a value that is not finite, fewer than two values, equal values where a
deviation is needed) give nan, never an exception, because a report has such cells. What can only be
a mistake of the caller (a wrong shape, a level outside 0 to 1) raises ValueError. Nothing reads
numpy's global random state. Import the module that you need; none is imported here.
"""
