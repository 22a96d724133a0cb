"""Tests, intervals and corrections: pure functions of numpy arrays, no frames and no drawing.

| module | what is in it |
|---|---|
| `paired` | the t interval and t tests of paired differences: non-inferiority, equivalence |
| `permutation` | the exact sign-flip test, beside the t test |
| `power` | how often a non-inferiority test would succeed, and how many seeds that takes |
| `resampling` | BCa; the bootstrap over seeds and test images; McNemar per pair of trials |
| `multiple` | several tests at once: intersection-union, Holm, Benjamini-Hochberg |
| `overview` | many runs at a glance: interquartile mean, performance profile |
| `checks` | what all of them ask of their arrays |

Data from which nothing follows (a value that is not finite, fewer than two, none that differ where
a deviation is needed) gives nan, never an exception, since a report has such cells; what only a
mistake of the caller can be (a wrong shape, a level outside 0 to 1) raises ValueError. Nothing
reads numpy's global random state. Import the module that is wanted: none is imported here.
"""
