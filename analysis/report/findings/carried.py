"""Does a mask carry over to another data set?"""

from analysis.estimates.question_groups import CARRIED, RANDOM, transferred
from analysis.report.findings.finding import Finding
from analysis.report.findings.of_kinds import finding
from analysis.tables import Results

ORDER = 50


def find(results: Results) -> Finding | None:
    """Compare what was learned on another data set with scratch and with random features."""
    return finding(
        results,
        transferred(results),
        figure="transfer",
        title="Does what is learned carry over to another data set?",
        value="test accuracy",
        contrasts=((CARRIED, RANDOM),),
        against_dense=(CARRIED,),
        note="Accuracies are on the second data set. The gain from carrying over is the "
        "difference to random features, where only the output layer is trained and all other "
        "layers stay as drawn.",
    )
