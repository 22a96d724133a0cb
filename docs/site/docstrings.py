"""Docstrings as reStructuredText: what stands outside of backticks is plain text."""

import re

from sphinx.application import Sphinx

_CODE = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)
#: Signs that reStructuredText would take for markup: emphasis, substitutions, references.
_MARKUP = re.compile(r"[*|]|_(?=\W|$)")


def plain(text: str) -> str:
    """Return a docstring in which only backticks are markup."""
    parts = _CODE.split(text)
    for number, part in enumerate(parts):
        if number % 2 == 0:
            parts[number] = _MARKUP.sub(lambda sign: f"\\{sign[0]}", part)
        elif parts[number + 1][:1].isalnum():  # `Trial`s: the code ends before the s
            parts[number] += "\\ "
    return "".join(parts)


def _process(
    app: Sphinx, kind: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    lines[:] = plain("\n".join(lines)).split("\n")


def setup(app: Sphinx) -> None:
    """Process docstrings before napoleon reads their sections."""
    app.connect("autodoc-process-docstring", _process, priority=400)
