"""Names with parameters, such as ``lognormal(sigma=1.5)``, and their one spelling."""

import re

from studies.errors import UserError, shown

_CALL = re.compile(r"([^():]+)\(([^()]*)\)")
#: As long as a path may be; a name may be the path of a data set.
_LONGEST = 4096
#: What ends a path or a line, steers a terminal, or is half a character and no UTF-8.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def check_text(what: str, text: str) -> None:
    """Refuse a text that cannot be a name or a path.

    Raises:
        UserError: it is too long, or holds characters that cannot be printed.
    """
    if len(text) > _LONGEST:
        raise UserError(f"{what}: {shown(text)} is longer than {_LONGEST} characters")
    if _CONTROL.search(text):
        raise UserError(f"{what}: {shown(text)} holds a character that cannot be printed")


def split(name: str) -> tuple[str, dict[str, str]]:
    """A name without its parameters, and the parameters as they stand there.

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
        raise UserError(f"{shown(name)} says a parameter twice; say it once")
    return match[1].strip(), parameters


def join(stem: str, parameters: dict[str, str]) -> str:
    """The name with these parameters, sorted; without any, the bare name."""
    inside = ",".join(f"{k}={v}" if v else k for k, v in sorted(parameters.items()))
    return f"{stem}({inside})" if inside else stem


def canonical(name: str) -> str:
    """One spelling per name: parameters sorted, no spaces, numbers as short as they can be."""
    stem, parameters = split(name)
    return join(stem, {key: _shortest(value) for key, value in parameters.items()})


def _shortest(value: str) -> str:
    try:
        return repr(float(value)).removesuffix(".0")
    except ValueError:
        return value
