"""Shows a study while it runs: a live table of its cells in a terminal, lines elsewhere."""

import json
import sys
import time
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from orchestrator import text_tables
from orchestrator.formatting import clock, field_values, many
from orchestrator.status.snapshot import Cell, Snapshot, SnapshotReader
from studies.errors import UserError

#: Lines of the screen that are not cells.
_AROUND = 8
_BAR = 6


def watch(reader: SnapshotReader, every: float | None, *, as_json: bool = False) -> int:
    """Show a study until all of its trials are finished, or until Ctrl-C.

    Args:
        reader: reads its state.
        every: seconds between two looks; None for a single one.
        as_json: print JSON instead; one line for each look where there are several.

    Returns:
        The exit code: 0, or 130 after Ctrl-C.
    """
    console = Console(highlight=False)
    try:
        if as_json:
            for shown in _snapshots(reader, every):
                print(json.dumps(shown.as_dict(), indent=2 if every is None else None), flush=True)
        elif console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                for shown in _snapshots(reader, every):
                    live.update(screen(shown, console.height, console.width), refresh=True)
        else:
            for shown in _snapshots(reader, every):
                print(line(shown), flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


def _snapshots(reader: SnapshotReader, every: float | None) -> Iterator[Snapshot]:
    """A snapshot now, and one after each wait as long as there is something to wait for."""
    yield (shown := reader.read())
    while every is not None and (shown.done < shown.planned or shown.runs):
        time.sleep(every)
        try:
            shown = reader.read()
        except UserError as error:  # results that cannot be reached just now
            print(f"untuned: {error}", file=sys.stderr)
            continue
        yield shown


def line(shown: Snapshot) -> str:
    """A study in a line: ``digits: 12/50 · 2 in training · 24.1 trials/min · 1:35 min left``."""
    return f"{shown.study}: {shown.done}/{shown.planned} · {' · '.join(_words(shown))}"


def _words(shown: Snapshot) -> list[str]:
    words = [f"{shown.failed} failed"] if shown.failed else []
    if not shown.runs:
        return [*words, "finished" if shown.done == shown.planned else "no run is active"]
    is_starting = all(run.starting for run in shown.runs)
    words.append("starting" if is_starting else f"{shown.training} in training")
    if len(shown.runs) > 1:
        words.append(many(len(shown.runs), "run"))
    if shown.rate and shown.left is not None:
        words += [f"{shown.rate * 60:.1f} trials/min", f"{clock(shown.left)} left"]
    return words


def screen(shown: Snapshot, height: int, width: int) -> RenderableType:
    """The cells as a table, below a summary of all of them.

    Args:
        shown: the study.
        height: lines of the terminal; cells that do not fit are counted.
        width: characters of a line of the terminal.
    """
    share = shown.done / shown.planned if shown.planned else 1.0
    head = Text.assemble(
        (f"{shown.study} ", "bold"), _bar(share, 30), f" {shown.done}/{shown.planned}"
    )
    lines = [Text(" · ".join(_words(shown)))]
    for word, cells in (("best", shown.ranked[:1]), ("worst", shown.ranked[1:][-1:])):
        lines += [Text(f"{word:<6}{cell.accuracy:7.2%}  {cell.label}") for cell in cells]
    return Group(head, *lines, _grid(shown, max(3, height - _AROUND), width))


def _grid(shown: Snapshot, most: int, width: int) -> RenderableType:
    """A row per cell; where they are too many, the cells at which something happens."""
    cells = list(shown.cells)
    fields = shown.cells[0].fields if shown.cells else ()
    numbers = ("done", "now", "failed", "accuracy")
    headings = (*fields, "", *numbers)
    rows = [(*field_values(cell.fields), *_row(cell)) for cell in cells]
    if not text_tables.fits(headings, rows, numbers, width):  # then a cell takes several lines
        most = max(1, most // len(headings))
    if len(cells) > most:
        cells = sorted(cells, key=_quiet)[:most]
        rows = [(*field_values(cell.fields), *_row(cell)) for cell in cells]
    table = text_tables.laid_out(headings, rows, numbers, width)
    left = len(shown.cells) - len(cells)
    return Group(table, Text(f"and {many(left, 'cell')} more")) if left else table


def _quiet(cell: Cell) -> int:
    """A sort key: cells in training first, then those with failures, those begun, the rest."""
    begun = 0 < cell.done < cell.planned
    return 0 if cell.training else 1 if cell.failed else 2 if begun else 3


def _row(cell: Cell) -> list[str | Text]:
    accuracy = "" if cell.accuracy != cell.accuracy else f"{cell.accuracy:.2%}"
    if cell.diverged_or_dead:
        accuracy += f" ({cell.diverged_or_dead} diverged or dead)"
    failed = Text(str(cell.failed or ""), "red")
    training = Text(str(cell.training or ""), "cyan")
    done = f"{cell.done}/{cell.planned}"
    return [_bar(cell.done / max(1, cell.planned), _BAR), done, training, failed, accuracy]


def _bar(share: float, width: int) -> Text:
    full = int(share * width)
    return Text.assemble(("█" * full, "green"), ("░" * (width - full), "dim"))
