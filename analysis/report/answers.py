"""The answers at the top of the page: one sentence per question, in plain words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.numbers import extent, listed, many
from analysis.verdicts import Overall, Verdict, overall

#: At most this many names are listed; more are counted.
_LISTED = 4
#: The first words of methods' names that are words of the language.
_FAMILIES = ("free", "minimal", "maximal")


@dataclass(frozen=True)
class Words:
    """A claim in words.

    They may contain ``{who}``, the methods that are judged; ``{rival}``, the method that they are
    compared with; ``{margin}``, with its unit; ``{places}``, the number of densities.

    Attributes:
        holds: what is so if the claim is supported.
        fails: what is so if it is refuted.
        asks: the question that is open otherwise, after "whether".
    """

    holds: str
    fails: str
    asks: str


def _beats(none: str, some: str, rival: str = "{rival}") -> Words:
    """Return the words of a claim that nothing of a kind beats a rival."""
    rest = f"{rival} by more than {{margin}}"
    return Words(f"{none} beat {rest}", f"{some} beat {rest}", f"{some} beats {rest}")


def _default_of(what: str) -> Words:
    """Return the words of a claim that no other value of something beats the default."""
    return _beats(f"no other {what}", f"another {what}", "the default of {who}")


def _at_the_size_of(free: str) -> Words:
    """Return the words of a claim that compares methods at the size a free method ends with."""
    size = f"with as many live connections as {free} ends with, {{who}} exceeded its accuracy by"
    fails = f"{size} more than {{margin}}"
    return Words(f"{size} no more than {{margin}}", fails, fails)


_NO_SETTING = _beats(
    "none of {places} values of the parameter of {who}", "a value of the parameter of {who}"
)
_ALONE = "untuned on another data set, {who} lost %s than an untuned density of 0.5"
#: The words of each claim, by its id or its name. A claim without words is quoted.
_WORDS: Mapping[str, Words] = {
    "similar-or-higher": Words(
        "{who} came within {margin} of dense training",
        "{who} fell short of dense training by more than {margin}",
        "dense training beats {who} by more than {margin}",
    ),
    "minimal-change": Words(
        "{who} changed less than 10% of the connections and kept more than 90% of the accuracy of "
        "dense training",
        "{who} changed at least 10% of the connections, kept no more than 90% of the accuracy of "
        "dense training, or did not beat softmax regression",
        "less than 10% of the connections changed by {who} are enough for more than 90% of the "
        "accuracy of dense training",
    ),
    "constant-magnitude": Words(
        "{who} lost no more than {margin} with weights of one magnitude",
        "{who} lost more than {margin} with weights of one magnitude",
        "{who} with weights of one magnitude lost more than {margin}",
    ),
    "asymmetric-good": Words(
        "{who} kept 90% of the accuracy of dense training with asymmetric weights",
        "{who} kept less than 90% of the accuracy of dense training with asymmetric weights, or "
        "did not beat softmax regression",
        "{who} keeps 90% of the accuracy of dense training with asymmetric weights",
    ),
    "asymmetric-as-good": Words(
        "{who} lost no more than {margin} with asymmetric weights",
        "{who} lost more than {margin} with asymmetric weights",
        "{who} with asymmetric weights lost more than {margin}",
    ),
    "similar-cost": Words(
        "training with {who} took about as long as dense training",
        "training with {who} took longer than dense training",
        "training with {who} takes longer than dense training",
    ),
    "no-threshold": _beats("none of {places} densities of {who}", "a density of {who}"),
    "C6-rivals": _NO_SETTING,
    "C6-flipping-rivals": _NO_SETTING,
    "practitioner": Words(
        "a density of {who} tuned by validation did not beat {rival} by more than {margin}",
        "a density of {who} tuned by validation beat {rival} by more than {margin}",
        "a density of {who} tuned by validation beats {rival} by more than {margin}",
    ),
    "flip-or-prune": Words(
        "{who} did at least as well as {rival}, to within {margin}",
        "{who} fell short of {rival} by more than {margin}",
        "{rival} beats {who} by more than {margin}",
    ),
    "C8-rate": _default_of("learning rate for this range of scores"),
    "C8-rate-others": _default_of("learning rate"),
    "C8-offset": _default_of("fraction of scores that start at or below zero"),
    "C8-epsilon": _default_of("value of Adam's epsilon"),
    "C8-penalty": _default_of("penalty"),
    "C10": Words(
        "{who} gained accuracy in wider networks",
        "{who} gained no accuracy in wider networks",
        "{who} gained accuracy in wider networks",
    ),
    "C10-left": Words(
        "{who} left a smaller fraction of the connections in wider networks",
        "{who} left no smaller fraction of the connections in wider networks",
        "{who} left a smaller fraction of the connections in wider networks",
    ),
    "C10-longer": Words(
        "{who} left fewer connections the longer it trained",
        "{who} left no fewer connections in longer training",
        "{who} left fewer connections the longer it trained",
    ),
    "C10-offset": Words(
        "{who} left fewer connections the more scores started at or below zero",
        "{who} left no fewer connections when more scores started at or below zero",
        "{who} left fewer connections the more scores started at or below zero",
    ),
    "C10-matched": _at_the_size_of("free pruning"),
    "C10-matched-flipping": _at_the_size_of("free flipping"),
    "best-of-its-kind": _beats(
        "no other method without a parameter for the fraction kept",
        "another method without a parameter for the fraction kept",
        "the {rival}",
    ),
    "untuned-transfer": Words(_ALONE % "no more", _ALONE % "more", _ALONE % "more"),
}
#: What the conclusion of a verdict makes of the words.
_SAID = {
    "supported": "{holds}",
    "refuted": "{fails}",
    "undecided": "it is undecided whether {asks}",
    "suggests": "the results suggest that {holds}",
    "speaks against": "the results suggest that {fails}",
    "open": "it is open whether {asks}",
}


@dataclass(frozen=True)
class Answer:
    """The answer to a question.

    Attributes:
        claim: the id of the claim that asks it.
        conclusions: what was concluded, each once.
        sentence: the answer.
    """

    claim: str
    conclusions: tuple[str, ...]
    sentence: str


def answers(verdicts: Sequence[Verdict]) -> list[Answer]:
    """Return a sentence for each question that the results answer or leave open.

    Claims of one name ask one question. Their secondary forms are left to the table, unless there
    is no other.

    Args:
        verdicts: all verdicts, in the claims' order.
    """
    by_name: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_name.setdefault(verdict.claim.name, []).append(verdict)
    return [_answer(_leading(given)) for given in by_name.values()]


def _leading(given: Sequence[Verdict]) -> list[Verdict]:
    """Return the verdicts on the primary forms of a claim, else those on its first other form."""
    primary = [verdict for verdict in given if verdict.claim.primary]
    return primary or [verdict for verdict in given if verdict.claim is given[0].claim]


def _answer(given: Sequence[Verdict]) -> Answer:
    combined = overall(given)
    groups: dict[tuple[str, str], list[Overall]] = {}
    for one in combined:
        groups.setdefault((one.claim.id, one.conclusion), []).append(one)
    clauses = [_clause(same) for same in groups.values()]
    counted = [verdict for one in combined for verdict in (*one.counted, *one.added)]
    sentence = f"{_where(counted)}: {'; '.join(dict.fromkeys(clauses))}{_opposed(combined)}."
    conclusions = dict.fromkeys(one.conclusion for one in combined)
    return Answer(given[0].claim.id, tuple(conclusions), sentence)


def _clause(same: Sequence[Overall]) -> str:
    """Return what was concluded alike about some methods."""
    claim, conclusion = same[0].claim, str(same[0].conclusion)
    who = _listed([_in_words(one.method) for one in same])
    reasons = [_not_judged(verdict) for one in same for verdict in one.cells]
    if all(reasons):
        return f"not judged for {who}: {reasons[0]}"
    words = _WORDS.get(claim.id) or _WORDS.get(claim.name)
    if words is None:
        return f"{conclusion} for {who}: “{claim.sentence.rstrip('.')}”"
    decisive = same[0].cells[0].decisive
    values = {
        "who": who,
        "rival": _in_words(str((decisive.criterion.against or {}).get("method", "dense training"))),
        "margin": _margin(same),
        "places": str(max(_places(verdict) for one in same for verdict in one.counted)),
    }
    said = {name: getattr(words, name).format(**values) for name in ("holds", "fails", "asks")}
    return _SAID[conclusion].format(**said) + _in_cells(same)


def _opposed(combined: Sequence[Overall]) -> str:
    """Return how many cells that do not count speak against the claim, if there are any."""
    against = [
        verdict
        for one in combined
        for verdict in one.cells
        if verdict.opposes and verdict not in one.counted and verdict not in one.added
    ]
    if not against:
        return ""
    speak = "speaks" if len(against) == 1 else "speak"
    return f"; {many(len(against), 'exploratory cell')} {speak} against the claim"


def _not_judged(verdict: Verdict) -> str:
    """Return why the trials of a cell allow no conclusion; empty if they do."""
    return next((c.not_judged for c in verdict.deciding if c.not_judged), "")


def _margin(same: Sequence[Overall]) -> str:
    """Return the margin of some verdicts with its unit; all of them if cells differ in theirs."""
    compared = [c for one in same for verdict in one.counted for c in verdict.deciding]
    bounds = {abs(c.bound) for c in compared if c.criterion.has_margin and not math.isnan(c.bound)}
    values = [f"{bound * 100:g}" for bound in sorted(bounds)]
    return (
        f"{' or '.join(values)} point{'s' if values != ['1'] else ''}" if values else "the margin"
    )


def _in_cells(same: Sequence[Overall]) -> str:
    """Return in how many cells it is so, if there are several."""
    cells = [verdict for one in same for verdict in one.counted]
    if added := sum(len(one.added) for one in same):
        return f" in {many(added, 'cell')} added later"
    if len(cells) == 1 or same[0].conclusion in ("undecided", "open"):
        return ""
    if same[0].conclusion in ("supported", "suggests"):
        return " in both cells" if len(cells) == 2 else f" in all {len(cells)} cells"
    refuted = sum(verdict.conclusion in ("refuted", "speaks against") for verdict in cells)
    return f" in {refuted} of {len(cells)} cells"


def _places(verdict: Verdict) -> int:
    """Return how many places a verdict's sweep has."""
    return len({tuple(sorted(comparison.at.items())) for comparison in verdict.deciding})


def _where(given: Sequence[Verdict]) -> str:
    """Return on what the verdicts were reached: network, data set, seeds."""
    names = [
        next(iter(values)) if len(values := {str(v.cell[field]) for v in given}) == 1 else ""
        for field in ("network", "dataset")
    ]
    places = len({(v.cell["network"], v.cell["dataset"]) for v in given})
    on = "/".join(filter(None, names)) if all(names) or places == 1 else f"{places} tasks"
    if all(_not_judged(verdict) for verdict in given):
        return f"On {on}"
    least, planned = min(v.n for v in given), max(v.planned for v in given)
    unit = "round" if given[0].claim.study.startswith("make ") else "seed"  # of a benchmark
    return f"On {on}, {extent((v.n for v in given), unit)}" + (
        f" of {planned} planned" if least < planned else ""
    )


def _in_words(method: str) -> str:
    """Return a method's name in a sentence: ``free pruning``."""
    family, mark, rest = method.partition("-")
    return f"{family} {rest}" if family in _FAMILIES and mark else method


def _listed(names: Sequence[str]) -> str:
    return listed(
        [*names[:_LISTED], *([f"{len(names) - _LISTED} more"] if names[_LISTED:] else [])]
    )
