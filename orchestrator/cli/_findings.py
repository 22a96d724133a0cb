"""Makes the page of findings, `docs/findings.md`, from the shipped results.

The template `docs/findings/page.md.jinja` names commands, whose output the page shows. What the
figures of a study mean is written in `docs/findings/STUDY.md.jinja`, with `value` for each number.
``python -m orchestrator.cli._findings`` (`make findings`) writes the page.
"""

import contextlib
import functools
import io
import json
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2

from orchestrator.cli import cli

if TYPE_CHECKING:
    from studies.study import Study

#: The folder of the documentation.
DOCS = Path(__file__).parents[2] / "docs"
#: Above each block of commands, for the tests of the documentation.
_MARK = "<!-- not run: a test makes the whole page anew -->"


def page(docs: Path = DOCS) -> str | None:
    """Return the page in Markdown; None if no results are shipped.

    Args:
        docs: the folder of the documentation, in which `findings` has the template.

    Raises:
        UserError: a command in the template fails.
    """
    studies = json.loads(printed("untuned status --json"))
    if not studies:
        return None
    named = _Commands()
    environment = jinja2.Environment(  # noqa: S701  (Markdown is not HTML)
        loader=jinja2.FileSystemLoader(docs / "findings"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        studies=studies,
        description=_description,
        output=output,
        again=_again,
        expected=_expected,
        value=named.value,
        difference=named.difference,
        commands=named.block,
    )
    text = environment.get_template("page.md.jinja").render()
    lines = "\n".join(line.rstrip() for line in text.splitlines()).split("\n\n")
    return "\n\n".join(part.strip("\n") for part in lines if part.strip()) + "\n"


def printed(command: str) -> str:
    """Return what a command of `untuned` prints where there are no results but the shipped ones.

    Raises:
        ValueError: it is another program.
        UserError: the command is wrong.
    """
    return _printed(command)


@functools.cache
def _printed(command: str) -> str:
    program, *words = shlex.split(command)
    if program != "untuned":
        raise ValueError(f"{command}: only commands of untuned make numbers of the findings")
    stream = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        cli.main(words, standalone_mode=False)
    return stream.getvalue()


def output(command: str) -> str:
    """Return a command as a block, and below it what it prints."""
    return f"{_block([command])}\n\n{printed(command).strip()}"


def _block(commands: Sequence[str]) -> str:
    return "\n".join([_MARK, "```bash", *commands, "```"])


def _description(study: str) -> str:
    """Return what a shipped study asks, as its latest definition says."""
    definitions = _definitions(study)
    return definitions[-1].description if definitions else ""


def _expected(study: str) -> int:
    """Return how many trials a shipped study has once tuning seeds have chosen."""
    from studies import tuned

    definitions = _definitions(study)
    always = {trial for one in definitions for trial in one.trials()}
    # Each seed of an arm gets one choice, by the latest definition.
    return len(always.union(*(tuned.expected(one).trials() for one in definitions[-1:])))


def _definitions(study: str) -> "Sequence[Study]":
    """Return the definitions of a shipped study, the earliest first."""
    from studies.store import shipped

    store = shipped.store(study)
    return store.definitions.all() if store else []


def _again(study: str) -> str:
    """Return the command that trains the first of a study's trials again."""
    rows = json.loads(printed(f"untuned results {study} --trials --json"))
    return _block([rows[0]["command"]]) if rows else ""


class _Commands:
    """The commands that made the numbers in a text."""

    def __init__(self) -> None:
        self._named: dict[str, None] = {}

    def value(self, command: str, path: str, digits: int = 2, *, percent: bool = False) -> str:
        """Return one number of a command's JSON.

        Args:
            command: the command, with --json.
            path: where the number is: keys and indices, joined by dots.
            digits: digits after the point of a number that is not whole.
            percent: whether it is a fraction to be shown in percent, without the sign.

        Raises:
            LookupError: there is no such value.
        """
        from analysis.numbers import number

        found: Any = json.loads(printed(command))
        for key in path.split("."):
            found = found[int(key)] if isinstance(found, list) else found[key]
        self._named[command] = None
        if isinstance(found, float):
            return number(found * 100 if percent else found, digits)
        return str(found)

    def difference(self, command: str, other: str, column: str = "test_accuracy") -> str:
        """Return the mean of the first command's trials minus that of the other's, in points.

        Args:
            command: one that lists trials, with --json, a trial for each seed.
            other: the same for the trials that these are paired with by seed.
            column: the fraction that is compared.

        Returns:
            The mean over seeds with its 90% t interval.

        Raises:
            ValueError: the two do not list one trial for each of the same seeds.
        """
        from analysis.numbers import number
        from analysis.statistics.paired import t_interval

        tables = [json.loads(printed(one)) for one in (command, other)]
        first, second = ({row["seed"]: row[column] for row in table} for table in tables)
        if first.keys() != second.keys() or any(len(table) > len(first) for table in tables):
            raise ValueError(f"{command}; {other}: not one trial for each of the same seeds")
        self._named |= dict.fromkeys((command, other))
        interval = t_interval([first[seed] - second[seed] for seed in sorted(first)], 0.9)
        mean, low, high = (
            number(value * 100, 2) for value in (interval.mean, interval.low, interval.high)
        )
        return f"{mean} [{low}, {high}]"

    def block(self) -> str:
        """Return the commands of all numbers since the last block."""
        named, self._named = list(self._named), {}
        return _block(named)


if __name__ == "__main__":
    written = page()
    if written is None:
        print("no results are shipped, so there are no findings; make ship comes first")
        sys.exit(1)
    (DOCS / "findings.md").write_text(written, encoding="utf-8")
