"""Tables for a terminal of any width, in which no word and no number is broken."""

from collections.abc import Collection, Mapping, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

#: Texts with spaces are wrapped only where this many characters remain for a line.
_LEAST = 20
#: Characters of a label before a value, and the narrowest terminal in which values are aligned.
_LABEL, _ALIGNED = 20, 60


def show(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    right: Collection[str] = (),
    *,
    width: int | None = None,
) -> None:
    """Print a table; see `laid_out`.

    Args:
        headings: of the columns.
        rows: the cells, a text for each column.
        right: the headings of the columns of numbers.
        width: characters that it may take; if not given, those of the terminal.
    """
    console = Console(highlight=False)
    console.print(laid_out(headings, rows, right, width or console.width), soft_wrap=True)


def fits(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    right: Collection[str],
    width: int,
) -> bool:
    """Return whether a table of so many characters has room for the words of all columns."""
    return _table(headings, rows, right, width) is not None


def laid_out(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    right: Collection[str],
    width: int,
) -> RenderableType:
    """Return a table, or a line for each of its values where the table would be too wide.

    Columns of numbers are never wrapped, others between words. A heading may have several lines.

    Args:
        headings: of the columns.
        rows: the cells, a text for each column.
        right: the headings of the columns of numbers.
        width: characters that it may take.
    """
    return _table(headings, rows, right, width) or Group(
        *(Text(line, no_wrap=True, overflow="ignore") for line in _lines(headings, rows, width))
    )


def pairs(values: Mapping[str, object], width: int) -> list[str]:
    """Return each name with its value, indented; values are aligned if there is room.

    Args:
        values: by their names; those that are None are left out.
        width: of the terminal, in characters.
    """
    known = {name: str(value) for name, value in values.items() if value is not None}
    if width >= _ALIGNED:
        return [f"  {name:<{_LABEL}}{value}" for name, value in known.items()]
    return [wrapped(f"{name}: {value}", width, "  ") for name, value in known.items()]


def wrapped(text: str, width: int, indent: str = "") -> str:
    """Return a text in lines of at most so many characters, except for longer words.

    Args:
        text: in one line.
        width: of the lines, in characters.
        indent: what all lines begin with; those after the first are indented further.
    """
    return f"\n{indent}  ".join(_fold(f"{indent}{text}", width - len(indent) - 2, width))


def _fold(text: str, width: int, first: int = 0) -> list[str]:
    """Return a text in lines of at most so many characters, except for longer words.

    Rich loses a wide character at the end of a line.

    Args:
        text: in one line.
        width: of the lines, in characters.
        first: of the first line, if it is another one.
    """
    room = first or width
    start, *words = text.lstrip().split(" ")
    lines = [" " * (len(text) - len(text.lstrip())) + start]
    for word in words:
        if cell_len(lines[-1]) + 1 + cell_len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
            room = width
    return lines


def _table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    right: Collection[str],
    width: int,
) -> Table | None:
    """Return a table with the widths of its columns; None if it would be too wide."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left")
    least, whole = [], []
    for number, heading in enumerate(headings):
        lines = [line for row in rows for line in str(row[number]).splitlines()]
        lines += heading.splitlines()
        longest = max(map(cell_len, lines), default=0)
        words = [word for line in lines for word in line.split()]
        word = max(map(cell_len, words), default=0)
        least.append(longest if heading in right else max(word, min(longest, _LEAST)))
        whole.append(longest)
    between = len(headings) - 1
    room = width - 2 - between  # a character at each edge, and one between two columns
    if sum(least) > room:
        return None
    if sum(least) + between <= room:  # there is room for a second one
        room -= between
        table.padding = (0, 1, 0, 0)
    spare, lacking = room - sum(least), sum(whole) - sum(least)
    share = min(1.0, spare / lacking) if lacking else 1.0
    widths = [low + int((high - low) * share) for low, high in zip(least, whole, strict=True)]
    for column, wide in zip(table.columns, widths, strict=True):
        column.width = wide
    for row in rows:
        table.add_row(*map(_cell, row, widths))
    return table


def _cell(cell: str | Text, width: int) -> Text:
    return Text("\n".join(_fold(cell, width))) if isinstance(cell, str) else cell


def _lines(headings: Sequence[str], rows: Sequence[Sequence[str | Text]], width: int) -> list[str]:
    """Return the rows as lines such as ``name: value``; those after the first are indented."""
    lines = []
    for row in rows:
        named = zip(headings, map(str, row), strict=True)
        values = [
            f"{' '.join(heading.split())}: {value}" if heading else value
            for heading, value in named
            if value.strip()
        ]
        lines += [
            wrapped(value, width, "  " if place else "") for place, value in enumerate(values)
        ]
    return lines
