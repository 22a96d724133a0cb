"""Can it memorise?"""

from analysis.estimates.kinds import PERMUTED, labelled
from analysis.report.findings.finding import Finding
from analysis.report.findings.of_kinds import finding
from analysis.tables import Results

ORDER = 40


def find(results: Results) -> Finding | None:
    """Training accuracy on permuted labels, beside that on given ones and that of dense."""
    return finding(
        results,
        labelled(results),
        figure="random_labels",
        title="How much can be learned by heart?",
        value="training accuracy",
        against_dense=(PERMUTED,),
        note="Accuracy on all training images after the last epoch; permuted labels are dealt anew "
        "among them, so that nothing but memory helps.",
    )
