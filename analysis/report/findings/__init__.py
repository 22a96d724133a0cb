"""Questions beside the claims that a sceptical reader asks: a section of the report for each.

One file each; a new file is a new section. Its module has a docstring, an `ORDER` and one function
``find(results: Results) -> Finding | None``, which returns None if the study has no such trials.
Sentences state the numbers, whichever method they favour.
"""

import importlib
import pkgutil

from analysis.report.findings.finding import Finding
from analysis.tables import Results


def findings(results: Results) -> list[Finding]:
    """Return the findings that a study has, in their order on the page."""
    modules = [
        importlib.import_module(f"{__name__}.{info.name}")
        for info in pkgutil.iter_modules(__path__)
    ]
    questions = sorted((m for m in modules if hasattr(m, "find")), key=lambda m: m.ORDER)
    answers = (question.find(results) for question in questions)
    return [finding for finding in answers if finding is not None]
