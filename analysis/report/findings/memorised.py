"""How much can be memorised?"""

from analysis.estimates.question_groups import PERMUTED, labelled
from analysis.report.findings.finding import Finding
from analysis.report.findings.of_kinds import finding
from analysis.tables import Results

ORDER = 40


def find(results: Results) -> Finding | None:
    """Compare training accuracy on permuted labels with given labels and with dense training."""
    return finding(
        results,
        labelled(results),
        figure="random_labels",
        title="How much can be memorised?",
        value="training accuracy",
        against_dense=(PERMUTED,),
        note="Accuracy on all training images after the last epoch. Permuted labels are shuffled "
        "among the images, so they can only be memorised.",
    )
