"""Refuses a trial that cannot be run, before anything starts and without importing torch."""

from dataclasses import replace

from studies.errors import UserError
from studies.trial import FIELDS, Trial
from trainers.parts import KINDS, find, parts

#: What the training loop itself reads; a method declares the rest of what it reads.
COMMON = frozenset(
    {
        "network",
        "dataset",
        "method",
        "weights",
        "seed",
        "epochs",
        "positive_fraction",
        "activation",
        "batch_size",
        "learning_rate",
        "adam_epsilon",
        "revisions",
    }
)


def check(trial: Trial) -> Trial:
    """Check a trial's names and the rules across its fields.

    Returns:
        The trial, with the revisions of its parts where one is above 1.

    Raises:
        UserError: an unknown name (with the close matches), a field that the method does not
            read, or an empty range of scores.
    """
    found = {kind: find(kind, getattr(trial, kind))[0] for kind in KINDS}
    reads = COMMON | set(found["method"].reads)
    for name, about in FIELDS.items():
        value = getattr(trial, name)
        if name not in reads and value != about.default:
            raise UserError(
                f"{name}: {value!r} is given, but the method {trial.method} does not use it; "
                f"leave it out, or use one of: {', '.join(_methods_reading(name))}"
            )
    if trial.score_low > trial.score_high:
        raise UserError(
            f"score_low: {trial.score_low} is above score_high: {trial.score_high}; "
            "give the lower end first"
        )
    stamps = [f"{part.example}={part.revision}" for part in found.values() if part.revision > 1]
    return replace(trial, revisions=",".join(stamps))


def _methods_reading(field: str) -> list[str]:
    return [part.example for part in parts("method") if field in part.reads] or ["none"]
