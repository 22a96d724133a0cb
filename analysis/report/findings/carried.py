"""Does a mask carry over to another data set?"""

from analysis.estimates.kinds import CARRIED, RANDOM, transferred
from analysis.report.findings.finding import Finding
from analysis.report.findings.of_kinds import finding
from analysis.tables import Results

ORDER = 50


def find(results: Results) -> Finding | None:
    """What was learned on a first data set, on a second: beside scratch and random features."""
    return finding(
        results,
        transferred(results),
        figure="transfer",
        title="Does what is learned carry over to another data set?",
        value="test accuracy",
        contrasts=((CARRIED, RANDOM),),
        against_dense=(CARRIED,),
        note="On the second data set. What carrying over brings is its distance to random "
        "features, where the output layer is trained on layers as they are drawn.",
    )
