"""What a sceptical reader asks beside the claims: a section of the report for each question.

One file each; a new file is a new section. Its module has a docstring, an `ORDER` and one function
``find(results: Results) -> Finding | None``, None where the study does not ask. Every sentence is
made of the numbers, whomever they speak for.
"""

import importlib
import pkgutil

from analysis.report.findings.finding import Finding
from analysis.tables import Results


def findings(results: Results) -> list[Finding]:
    """The findings that a study has, in the order in which they stand on the page."""
    every = [
        importlib.import_module(f"{__name__}.{about.name}")
        for about in pkgutil.iter_modules(__path__)
    ]
    questions = sorted((m for m in every if hasattr(m, "find")), key=lambda one: one.ORDER)
    found = (question.find(results) for question in questions)
    return [one for one in found if one is not None]
