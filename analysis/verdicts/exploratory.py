"""Why a verdict is exploratory, and the correction of all exploratory comparisons."""

from collections.abc import Mapping, Sequence
from typing import Any

from analysis.numbers import many
from analysis.statistics import multiple
from analysis.tables import Results
from analysis.verdicts.claim import Claim
from analysis.verdicts.claims import CLAIMS
from analysis.verdicts.committed import definitions_in, is_recorded
from analysis.verdicts.comparisons import planned_seeds
from analysis.verdicts.floors import plans_softmax_regression
from analysis.verdicts.verdict import Comparison
from studies.trial import Value

#: Data sets that demonstrate the method and settle nothing.
DEMONSTRATIONS = ("digits", "digits-0-4", "digits-5-9")


def exploratory_reasons(
    results: Results, claim: Claim, cell: Mapping[str, Value], deciding: Sequence[Comparison]
) -> tuple[tuple[str, ...], bool]:
    """Return the reasons why a verdict is not confirmatory, and whether its cell was added later.

    An added cell counts in the headline if it refutes the claim, for which few seeds or a missing
    floor are no excuse.
    """
    reasons = []
    planning = definitions_in(results, deciding[0].definitions)
    if not any(claim.id in study.claims for study in planning):
        if not claim.primary:
            reasons.append("a secondary form of the claim")
        elif claim not in CLAIMS:  # it may have been written after a look at the results
            reasons.append("no definition names this claim")
    if cell["dataset"] in DEMONSTRATIONS:
        reasons.append(f"{cell['dataset']} is a demonstration")
    elif any(comparison.criterion.rival for comparison in deciding) and not (
        plans_softmax_regression(results, str(cell["dataset"]))
    ):
        reasons.append(f"no softmax regression is planned on {cell['dataset']}")
    planned = min(planned_seeds([comparison]) for comparison in deciding)
    if planned < claim.seeds:
        reasons.append(
            f"{many(planned, 'seed')} planned, a confirmatory verdict needs {claim.seeds}"
        )
    if not all(comparison.nested for comparison in deciding):
        reasons.append("one choice on common tuning seeds serves all seeds")
    if planning and all(study.claims and claim.id not in study.claims for study in planning):
        named = sorted({name for study in planning for name in study.claims})
        reasons.append(f"the definition names other claims ({', '.join(named)})")
    late = _not_committed(results, deciding)
    return (*reasons, *late), bool(late) and cell["dataset"] not in DEMONSTRATIONS


def _not_committed(results: Results, deciding: Sequence[Comparison]) -> tuple[str, ...]:
    """Return why the trials were not fixed before anything was known; nothing if they were."""
    worst = max(deciding, key=lambda comparison: comparison.planned - comparison.committed)
    committed, planned = worst.committed, worst.planned
    if results.plan.empty and not all(c.planned for c in deciding):
        return ("no definition is recorded",)
    if committed >= planned:
        return ()
    if not is_recorded(results):
        return ("the results do not record what was known when the definition was recorded",)
    if committed:
        return (
            f"only {committed} of {many(planned, 'seed')} were planned by one definition before "
            "any trial with them was finished",
        )
    return ("trials with its seeds were finished before its definition was recorded",)


def adjusted(compared: Sequence[Comparison]) -> dict[int, dict[str, Any]]:
    """Return `q` and `q_against` of all exploratory comparisons, by the comparison's identity.

    Both directions of every comparison belong to the family, so that no choice of a direction after
    the fact goes uncounted.
    """
    p = [value for comparison in compared for value in (comparison.p, comparison.p_against)]
    q = multiple.benjamini_hochberg(p)
    pairs = zip(q[::2], q[1::2], strict=True)
    return {
        id(c): {"q": float(a), "q_against": float(b)}
        for c, (a, b) in zip(compared, pairs, strict=True)
    }
