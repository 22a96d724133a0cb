"""The page's sections: figures and findings by the question that they answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis import figures
from analysis.questions._finding import Finding
from analysis.rendering import Drawn, Failed, failure_of_figure
from analysis.tables import Results

#: The questions in the page's order, by the key that figures declare as their `QUESTION`.
TITLES = {
    "verdicts": "How far from their bounds are the differences?",
    "density": "Is there a density, or a hidden threshold, to tune?",
    "rates": "Which learning rate does each method need?",
    "accuracy": "How accurate are trained connections compared with trained weights?",
    "training": "How does training go?",
    "connections": "Which connections are pruned or flipped?",
    "cost": "What does training cost?",
    "mask_overlap": "Do two trainings end with the same mask?",
    "mask_controls": "Does the mask carry the function, or only how many connections each layer "
    "keeps?",
    "memorised": "How much can be memorised?",
    "transfer": "Does what is learned carry over to another data set?",
    "pieces": "How accurate are pieces of a network trained alone?",
    "size": "How many connections can still affect the output?",
}


@dataclass(frozen=True)
class Figure:
    """A figure's place on the page: its name, and the drawing or the error."""

    name: str
    outcome: Drawn | Failed

    @property
    def is_drawn(self) -> bool:
        """Whether there is a drawing."""
        return isinstance(self.outcome, Drawn)


@dataclass(frozen=True)
class Question:
    """A section of the page.

    Attributes:
        key: its name in addresses.
        title: the question.
        findings: the answers in sentences, each with a table.
        figures: the figures that show it.
    """

    key: str
    title: str
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]


def questions(
    outcomes: Mapping[str, Drawn | Failed], found: Mapping[str, Finding]
) -> list[Question]:
    """Return the questions that have a figure or a finding, in the page's order.

    Args:
        outcomes: the outcome of each figure that applies, by name.
        found: the findings by the name of their figure.
    """
    keys = {name: figures.question(name) for name in (*outcomes, *found)}
    others = sorted(set(keys.values()) - TITLES.keys())
    return [
        Question(
            "-".join(key.lower().split()),
            TITLES.get(key, key),
            tuple(finding for name, finding in found.items() if keys[name] == key),
            tuple(Figure(name, one) for name, one in outcomes.items() if keys[name] == key),
        )
        for key in (*TITLES, *others)
        if key in keys.values()
    ]


def findings(
    results: Results, names: Sequence[str]
) -> tuple[dict[str, Finding], dict[str, Failed]]:
    """Return the findings that a study has, and what went wrong, by the name of the figure.

    Args:
        results: the study.
        names: the figures beside which they stand; those with a function `find` have a finding.

    Raises:
        UserError: the folder of the results cannot be read.
        duckdb.Error: parts of the results were merged meanwhile.
    """
    found: dict[str, Finding] = {}
    failed: dict[str, Failed] = {}
    for name, component in figures.figures().items():
        if name not in names:
            continue
        try:
            find = getattr(component.load(), "find", None)
            finding = find(results) if find else None
            if not isinstance(finding, Finding | None):
                raise TypeError(f"find() returns a {type(finding).__name__}, not a Finding")
        except (Exception, SystemExit) as error:
            failed[name] = failure_of_figure(error)
        else:
            if finding is not None:
                found[name] = finding
    return found, failed
