"""The claims of Ivan & Florian (2020, arXiv:2006.16627) and those that the question adds.

Each is a declaration; `analysis.verdicts` decides. To add a claim, add one here.

Methods are judged one by one, and so is every cell. Where a claim sweeps over a field, as over the
densities, all of its values belong to one verdict: every comparison must pass to support it
(intersection-union, no correction), and to refute it one must fail by Holm's correction.
"""

import re
from collections.abc import Sequence

from analysis.verdicts.claim import Claim
from analysis.verdicts.claims import accuracy, cost, flipping, size, thresholds
from studies.errors import unknown

CLAIMS = (
    *accuracy.CLAIMS,
    *cost.CLAIMS,
    *thresholds.CLAIMS,
    *flipping.CLAIMS,
    *size.CLAIMS,
)


def chosen(ids: Sequence[str]) -> tuple[Claim, ...]:
    """The claims with these ids, parts and further forms included: C1 for C1-own-recipes too.

    Args:
        ids: none for all.

    Raises:
        UserError: there is no such claim.
    """
    for wanted in ids:
        if not any(_is(claim, wanted) for claim in CLAIMS):
            raise unknown("claim", wanted, [claim.id for claim in CLAIMS])
    return tuple(claim for claim in CLAIMS if not ids or any(_is(claim, one) for one in ids))


def _is(claim: Claim, wanted: str) -> bool:
    """Whether an id names a claim, or what it is a form or a part of: C4 stands for C4a and C4b."""
    return re.match(rf"{re.escape(wanted)}([a-z]?(-|$)|$)", claim.id, re.IGNORECASE) is not None
