"""What do the pieces of a network reach alone?"""

from analysis.estimates.question_groups import in_pieces
from analysis.report.findings.finding import Finding
from analysis.report.findings.of_kinds import finding
from analysis.tables import Results

ORDER = 60


def find(results: Results) -> Finding | None:
    """Compare batch normalisation alone and the output layer alone with all layers."""
    return finding(
        results,
        in_pieces(results),
        figure="pieces_alone",
        title="What do the pieces of a network reach alone?",
        value="test accuracy",
        note="Training batch normalisation alone changes neither weights nor connections; it is "
        "compared with dense training. What a piece reaches alone is not due to a mask.",
    )
