"""Makes the reference of the command line, `docs/commands.md`, from the commands themselves.

``python -m orchestrator.cli._docs_page`` prints the page, and `make docs` writes it.
"""

import inspect
from collections.abc import Iterator

import click

from orchestrator.cli import cli

_HEAD = """\
# Commands

This page has the help of every command (`untuned COMMAND --help` or `-h`); `make docs` writes it.
Exit codes: 0 done, 1 something failed, 2 a mistake in the command, 124 the time given by `--hours`
is over, 130 and 143 interrupted.
"""


def page() -> str:
    """Return the reference in Markdown."""
    root = click.Context(cli, info_name="untuned")
    commands = [(name, cli.get_command(root, name)) for name in cli.list_commands(root)]
    documented = [(name, command) for name, command in commands if command and not command.hidden]
    links = ",\n".join(f"[{name}](#untuned-{name})" for name, _ in documented)
    sections = ["\n".join(_section(root, name, command)) for name, command in documented]
    return "\n".join([_HEAD, links, "", "\n".join(sections)])


def _section(root: click.Context, name: str, command: click.Command) -> Iterator[str]:
    """Yield the lines on one command: its usage, its help text and a table of its options."""
    context = click.Context(command, info_name=name, parent=root)
    yield f"## untuned {name}\n"
    yield f"    {command.get_usage(context).removeprefix('Usage: ')}\n"
    yield _prose(inspect.cleandoc(command.help or "")) + "\n"
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [option.get_help_record(context) for option in options]
    if not records:
        return
    yield "| option | what it does |\n|---|---|"
    for option, text in filter(None, records):
        yield f"| `{_cell(option)}` | {_cell(text)} |"
    yield ""


def _prose(text: str) -> str:
    """Return a help text as Markdown; lines that click does not wrap become a code block."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            lines = paragraph.split("\n")[1:]
            paragraphs.append("\n".join(f"    {line}" for line in lines))
        else:
            paragraphs.append(paragraph)
    return "\n\n".join(paragraphs)


def _cell(text: str) -> str:
    """Return a text as the content of a table cell."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
