"""The claims of Ivan & Florian (2020, arXiv:2006.16627) and those that the project's question adds.

Each claim is a declaration; `analysis.verdicts` decides. To add a claim, add a declaration here, or
in a package of your own whose entry point in the group ``untuned.claims`` names a module with
`CLAIM` or `CLAIMS`.

Every method and every cell has a verdict of its own. Where a claim sweeps over a field, such as the
density, all values of the field belong to one verdict: it is supported if every comparison passes
(intersection-union, no correction) and refuted if one fails after Holm's correction.
"""

import re
from collections.abc import Sequence
from functools import cache

from analysis.verdicts.claim import Claim
from analysis.verdicts.claims import accuracy, cost, flipping, rivals, size, thresholds
from studies.components import entry_points, imported, leave_out
from studies.errors import UserError, unknown

#: The entry points of further claims.
GROUP = "untuned.claims"
CLAIMS = (
    *accuracy.CLAIMS,
    *cost.CLAIMS,
    *thresholds.CLAIMS,
    *flipping.CLAIMS,
    *size.CLAIMS,
    *rivals.CLAIMS,
)


def every_claim() -> tuple[Claim, ...]:
    """Return the claims of this project, then those of other packages.

    A module with an error in it is left out, see `studies.components.left_out`.
    """
    return _with_claims_of(tuple((point.name, point.value) for point in entry_points(GROUP)))


@cache
def _with_claims_of(points: tuple[tuple[str, str], ...]) -> tuple[Claim, ...]:
    """Return the claims of this project and of modules, given by entry point and import path."""
    claims = list(CLAIMS)
    for name, path in points:
        try:
            claims += _claims_of(name, path, {known.id for known in claims})
        except (UserError, ModuleNotFoundError) as error:
            leave_out(path, error)
    return tuple(claims)


def _claims_of(name: str, path: str, taken: set[str]) -> list[Claim]:
    """Return the claims of a module.

    Raises:
        UserError: it cannot be imported, has no claims, or repeats an id.
        ModuleNotFoundError: it needs a package that is not installed.
    """
    module = imported(path, f"entry point {name}")
    own = getattr(module, "CLAIMS", None)
    if own is None:
        own = [getattr(module, "CLAIM", None)]
    if not isinstance(own, list | tuple) or not own or not all(isinstance(o, Claim) for o in own):
        raise UserError(f"entry point {name}: {path} has no CLAIM or CLAIMS")
    for claim in own:
        if claim.id in taken:
            raise UserError(
                f"entry point {name}: there is a claim {claim.id} already; give another id"
            )
        taken.add(claim.id)
    return list(own)


def chosen(ids: Sequence[str]) -> tuple[Claim, ...]:
    """Return the claims with these ids and their further forms: C1 includes C1-authors.

    Args:
        ids: ids of claims; empty for all claims.

    Raises:
        UserError: there is no such claim.
    """
    claims = every_claim()
    for id_ in ids:
        if not any(_matches(claim, id_) for claim in claims):
            raise unknown("claim", id_, [claim.id for claim in claims])
    return tuple(claim for claim in claims if not ids or any(_matches(claim, id_) for id_ in ids))


def _matches(claim: Claim, id_: str) -> bool:
    """Return whether an id names a claim or the claim it is a form of: C4 names C4a and C4b."""
    return re.match(rf"{re.escape(id_)}([a-z]?(-|$)|$)", claim.id, re.IGNORECASE) is not None
