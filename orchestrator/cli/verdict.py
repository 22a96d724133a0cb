"""`untuned verdict`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orchestrator.cli import _lookup, _options

if TYPE_CHECKING:
    from rich.console import Console

    from analysis import Results
    from analysis.verdicts import Verdict
    from analysis.verdicts.claim import Claim

#: How each conclusion stands out in a terminal.
_STYLES = {"supported": "green", "refuted": "red", "undecided": "yellow"}


@click.command(name="verdict")
@_options.studies_argument
@_options.results_option
@click.option("--claim", "wanted", multiple=True, metavar="ID", help="Only these, such as C6.")
@click.option("--json", "as_json", is_flag=True, help="Everything behind them, for programs.")
@click.option("--markdown", is_flag=True, help="A table, a row per claim, method and cell.")
@click.option("--pairs", is_flag=True, help="The pairs of trials behind each, seed by seed.")
def command(
    studies: tuple[str, ...],
    results: str,
    wanted: tuple[str, ...],
    as_json: bool,
    markdown: bool,
    pairs: bool,
) -> None:
    """Say what the results of STUDIES make of each claim, C1 to C10.

    The exit code is 0 whatever they say.
    """
    from analysis.verdicts import untested, verdicts
    from analysis.verdicts.claims import chosen
    from analysis.verdicts.telling import as_dict

    claims = chosen(wanted)
    loaded, found = _lookup.from_results(
        studies, results, lambda read: (read, verdicts(read, claims))
    )
    left = untested(found, claims)
    if as_json:
        told = {
            "studies": list(loaded.names),
            "verdicts": [as_dict(loaded, verdict) for verdict in found],
            "not_tested": [
                {"claim": c.id, "sentence": c.sentence, "tested_by": c.study} for c in left
            ],
        }
        print(json.dumps(told, indent=2, allow_nan=False))
        return
    if markdown:
        _show_table(loaded, found)
        return
    if found:
        print("Means over seeds with 90% intervals, each bound of which is one-sided at 95%.\n")
    for claim in claims:
        own = [verdict for verdict in found if verdict.claim is claim]
        if own:
            _show(loaded, claim, own, pairs=pairs)
    _show_untested(left)


def _show_table(loaded: "Results", found: "Sequence[Verdict]") -> None:
    """Print a row per verdict, as Markdown."""
    from analysis.verdicts import telling

    print("| claim | method | cell | compared, 90% interval | claimed | seeds | verdict |")
    print("|---|---|---|--:|--:|--:|---|")
    for verdict in found:
        one = verdict.decisive
        cell = ", ".join(filter(None, [telling.where(loaded, verdict), telling.closest(verdict)]))
        effect = f"{telling.effect(one)} {telling.unit(one)}"
        name = f"{verdict.claim.id} {verdict.claim.name}"
        row = [name, str(verdict.cell["method"]), cell, effect, telling.bound(one), str(verdict.n)]
        print(f"| {' | '.join([*row, verdict.conclusion])} |")


def _show(loaded: "Results", claim: "Claim", own: "Sequence[Verdict]", *, pairs: bool) -> None:
    """Print a claim: its sentence, a row per cell, per method all cells together, the notes."""
    from rich.console import Console
    from rich.text import Text

    from analysis.verdicts import overall, telling

    console = Console(highlight=False)
    console.print(Text(f"{claim.id} {claim.name}: ", "bold").append(claim.sentence, "not bold"))
    for one in overall(own):
        line = Text(f"  {one.method}: ").append(one.conclusion, _STYLES[one.conclusion])
        console.print(line.append(f" ({telling.summed_up(loaded, one)})"))
        for verdict in one.cells:
            _show_cell(console, loaded, verdict)
    console.print(Text(f"  compared: {'; '.join(telling.compared(own[0]))}"))
    for said in telling.notes(loaded, claim, own):
        console.print(Text(f"  {said}"))
    if pairs:
        for verdict in own:
            _show_pairs(console, verdict)
    console.print()


def _show_cell(console: "Console", loaded: "Results", verdict: "Verdict") -> None:
    """Print a cell's verdict in a line, and why it is undecided below it."""
    from rich.text import Text

    from analysis.verdicts import telling

    decisive, where = verdict.decisive, telling.where(loaded, verdict)
    line = Text(f"    {where}: " if where else "    ")
    line.append(f"{verdict.conclusion}", _STYLES[verdict.conclusion])
    if verdict.n:
        line.append(f", {telling.effect(decisive)} {telling.unit(decisive)}")
    if verdict.n and (place := telling.closest(verdict)):
        line.append(f" at its closest, {place}")
    console.print(line.append(f", n = {verdict.n} of {verdict.planned}"), soft_wrap=True)
    if verdict.reason:
        console.print(Text(f"      {verdict.reason}"), soft_wrap=True)


def _show_pairs(console: "Console", verdict: "Verdict") -> None:
    """Print the trials behind a verdict, a line per comparison and seed."""
    from rich.table import Table

    from analysis.verdicts import telling

    table = Table("comparison", "seed", "trial", "partner", "difference", box=None, padding=(0, 2))
    for one in verdict.comparisons:
        for row in telling.pairs(one):
            table.add_row(*row)
    console.print(table)


def _show_untested(left: "Sequence[Claim]") -> None:
    from analysis.verdicts import telling

    if left:
        print("Not tested, since their cells are not there:")
    for claim in left:
        print(f"  {claim.id} {claim.name}: {telling.command(claim)}")
