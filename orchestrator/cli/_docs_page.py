"""The command line's reference, `docs/commands.md`, from the commands themselves.

Run as ``python -m orchestrator.cli._docs_page`` it prints the page; `make docs` writes it.
"""

import inspect
from collections.abc import Iterator

import click

from orchestrator.cli import cli

_HEAD = """\
# Commands

What `untuned COMMAND --help` (or `-h`) says, on one page; made by `make docs`. Exit codes: 0 done,
1 something failed, 2 a mistake in what was typed, 130 and 143 interrupted.
"""


def page() -> str:
    """The reference in Markdown."""
    root = click.Context(cli, info_name="untuned")
    commands = [(name, cli.get_command(root, name)) for name in cli.list_commands(root)]
    told = [(name, command) for name, command in commands if command and not command.hidden]
    links = ",\n".join(f"[{name}](#untuned-{name})" for name, _ in told)
    sections = ["\n".join(_section(root, name, command)) for name, command in told]
    return "\n".join([_HEAD, links, "", "\n".join(sections)])


def _section(root: click.Context, name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=root)
    yield f"## untuned {name}\n"
    yield f"    {command.get_usage(context).removeprefix('Usage: ')}\n"
    yield _prose(inspect.cleandoc(command.help or "")) + "\n"
    options = [one for one in command.params if isinstance(one, click.Option)]
    records = [one.get_help_record(context) for one in options]
    if not records:
        return
    yield "| option | what it does |\n|---|---|"
    for option, text in filter(None, records):
        yield f"| `{_cell(option)}` | {_cell(text)} |"
    yield ""


def _prose(text: str) -> str:
    """A help text as paragraphs; lines that click leaves as they are become a block of code."""
    found = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            lines = paragraph.split("\n")[1:]
            found.append("\n".join(f"    {line}" for line in lines))
        else:
            found.append(paragraph)
    return "\n\n".join(found)


def _cell(text: str) -> str:
    """A text for a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
