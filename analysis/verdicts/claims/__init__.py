"""The claims of Ivan & Florian (2020, arXiv:2006.16627) and those that the project's question adds.

Each claim is a declaration; `analysis.verdicts` decides. To add a claim, add a declaration here.

Every method and every cell has a verdict of its own. Where a claim sweeps over a field, such as the
density, all values of the field belong to one verdict: it is supported if every comparison passes
(intersection-union, no correction) and refuted if one fails after Holm's correction.
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
    """Return the claims with these ids and their further forms: C1 includes C1-own-recipes.

    Args:
        ids: ids of claims; empty for all claims.

    Raises:
        UserError: there is no such claim.
    """
    for id_ in ids:
        if not any(_matches(claim, id_) for claim in CLAIMS):
            raise unknown("claim", id_, [claim.id for claim in CLAIMS])
    return tuple(claim for claim in CLAIMS if not ids or any(_matches(claim, id_) for id_ in ids))


def _matches(claim: Claim, id_: str) -> bool:
    """Return whether an id names a claim or the claim it is a form of: C4 names C4a and C4b."""
    return re.match(rf"{re.escape(id_)}([a-z]?(-|$)|$)", claim.id, re.IGNORECASE) is not None
