"""Names with parameters, such as ``lognormal(sigma=1.5)``, and their canonical spelling."""

import math
import re

from studies.errors import UserError, shown

_CALL = re.compile(r"([^():]+)\(([^()]*)\)")
#: The length that a path may have; a name may be the path of a data set.
_LONGEST = 4096
#: Characters that end a path or a line, control a terminal, or are halves of others (surrogates),
#: which UTF-8 has no form for.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_study_file(name: str) -> bool:
    """Whether the name of a study is that of a study file: it ends in .yaml or .yml."""
    return name.lower().endswith((".yaml", ".yml"))


def check_text(what: str, text: str) -> None:
    """Refuse a text that cannot be a name or a path.

    Raises:
        UserError: it is too long, or contains a character that cannot be printed.
    """
    if len(text) > _LONGEST:
        raise UserError(f"{what}: {shown(text)} is longer than {_LONGEST} characters")
    if _CONTROL.search(text):
        raise UserError(f"{what}: {shown(text)} contains a character that cannot be printed")


def split(name: str) -> tuple[str, dict[str, str]]:
    """Return a name without its parameters, and the parameters as they are written.

    A parameter without a value is a flag: ``binary(scaled)`` gives ``{"scaled": ""}``.

    Raises:
        UserError: a parameter is given twice.
    """
    match = _CALL.fullmatch(name)
    if match is None:
        return name, {}
    pairs = [item.partition("=") for item in match[2].split(",") if item.strip()]
    parameters = {key.strip(): value.strip() for key, _, value in pairs}
    if len(parameters) < len(pairs):
        raise UserError(f"{shown(name)} gives a parameter twice; give it once")
    return match[1].strip(), parameters


def join(stem: str, parameters: dict[str, str]) -> str:
    """Return the name with these parameters, sorted; without any, the bare name."""
    inside = ",".join(f"{k}={v}" if v else k for k, v in sorted(parameters.items()))
    return f"{stem}({inside})" if inside else stem


def canonical(name: str) -> str:
    """Return the one spelling of a name: sorted parameters, no spaces, the shortest numbers."""
    stem, parameters = split(name)
    return join(stem, {key: _shortest(value) for key, value in parameters.items()})


def number(text: str) -> float:
    """Return a number that is written with the digits 0 to 9; Python takes other scripts', and _.

    Raises:
        ValueError: the text is not such a number.
    """
    if not text.isascii() or "_" in text:
        raise ValueError(f"{text!r} is not a number")
    return float(text)


def _shortest(value: str) -> str:
    try:
        shortest = number(value)
    except ValueError:
        return value
    return repr(shortest).removesuffix(".0") if math.isfinite(shortest) else value
