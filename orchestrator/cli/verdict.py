"""`untuned verdict`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from orchestrator.cli import _lookup, _options
from studies import garbage
from studies.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from analysis import Results
    from analysis.verdicts import Verdict
    from analysis.verdicts.claim import Claim

#: The colour of each conclusion in a terminal.
_STYLES = {
    "supported": "green",
    "refuted": "red",
    "undecided": "yellow",
    "suggests": "green",
    "speaks against": "red",
    "open": "yellow",
}


@click.command(name="verdict")
@_options.studies_argument
@_options.results_option
@click.option(
    "--claim", "claim_ids", multiple=True, metavar="ID", help="Judge only this claim, such as C6."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print everything behind the verdicts as JSON."
)
@click.option(
    "--markdown", is_flag=True, help="Print a Markdown table with a row per claim, method and cell."
)
@click.option("--pairs", is_flag=True, help="Also show the paired trials, seed by seed.")
@garbage.collected_rarely()
def command(
    studies: tuple[str, ...],
    results: str,
    claim_ids: tuple[str, ...],
    as_json: bool,
    markdown: bool,
    pairs: bool,
) -> None:
    """Judge the claims C1 to C12 by the results of STUDY.

    The results of several studies are judged together. Claims of installed packages are judged,
    too. Confirmatory verdicts are supported, refuted or undecided; exploratory ones say suggests,
    speaks against or open. The exit code is 0 whatever the verdicts.
    """
    if as_json and markdown:
        raise UserError("verdict: give either --json or --markdown")
    from analysis.verdicts import lack, untested, verdicts
    from analysis.verdicts.claims import chosen
    from analysis.verdicts.formatting import as_dict

    claims = chosen(claim_ids)
    loaded, conclusions = _lookup.from_results(
        studies, results, lambda read: (read, verdicts(read, claims))
    )
    not_tested = untested(conclusions, claims)
    if as_json:
        output = {
            "studies": list(loaded.names),
            "verdicts": [as_dict(loaded, verdict) for verdict in conclusions],
            "not_tested": [
                {
                    "claim": claim.id,
                    "sentence": claim.sentence,
                    "tested_by": claim.study,
                    "reason": lack(loaded, claim),
                }
                for claim in not_tested
            ],
        }
        print(json.dumps(output, indent=2, allow_nan=False))
        return
    if markdown:
        _show_table(loaded, conclusions)
        return
    if conclusions:
        print("Means over seeds with 90% intervals; each bound is one-sided at 95%.\n")
    for claim in _named_first(loaded, claims):
        of_claim = [verdict for verdict in conclusions if verdict.claim is claim]
        if of_claim:
            _show(loaded, claim, of_claim, pairs=pairs)
    _show_untested(not_tested)


def _named_first(loaded: "Results", claims: "Sequence[Claim]") -> "list[Claim]":
    """The claims in the order of display: first those that a study is to decide."""
    named = {claim for study in loaded.studies for claim in study.claims}
    return sorted(claims, key=lambda claim: claim.id not in named)


def _show_table(loaded: "Results", verdicts: "Sequence[Verdict]") -> None:
    """Print a Markdown table with a row per verdict."""
    from analysis.verdicts import formatting

    print(
        "| claim | method | cell | compared, 90% interval | claimed | smallest margin | seeds | "
        "verdict |"
    )
    print("|---|---|---|--:|--:|--:|--:|---|")
    for verdict in verdicts:
        comparison = verdict.decisive
        cell = ", ".join(
            filter(None, [formatting.where(loaded, verdict), formatting.closest(verdict)])
        )
        effect = formatting.effect_in_unit(comparison)
        name = f"{verdict.claim.id} {verdict.claim.name}"
        row = [name, verdict.method, cell, effect, formatting.bound(comparison)]
        row += [formatting.smallest_margin(verdict), str(verdict.n), verdict.conclusion]
        print(f"| {' | '.join(row)} |")


def _show(loaded: "Results", claim: "Claim", verdicts: "Sequence[Verdict]", *, pairs: bool) -> None:
    """Print a claim: its sentence, each method's conclusion with a line per cell, and notes."""
    from rich.console import Console
    from rich.text import Text

    from analysis.verdicts import formatting, overall

    console = Console(highlight=False)
    console.print(Text(f"{claim.id} {claim.name}: ", "bold").append(claim.sentence, "not bold"))
    for of_method in overall(verdicts):
        conclusion = of_method.conclusion
        line = Text(f"  {of_method.method}: ").append(conclusion, _STYLES[conclusion])
        console.print(line.append(f" ({formatting.summed_up(loaded, of_method)})"))
        for verdict in of_method.cells:
            _show_cell(console, loaded, verdict)
    _print_indented(console, f"compared: {'; '.join(formatting.compared(verdicts[0]))}")
    for note in formatting.notes(loaded, claim, verdicts):
        _print_indented(console, note)
    if pairs:
        for verdict in verdicts:
            _show_pairs(console, loaded, verdict)
    console.print()


def _print_indented(console: "Console", text: str) -> None:
    """Print a text with all of its lines indented."""
    from rich.padding import Padding
    from rich.text import Text

    console.print(Padding(Text(text), (0, 0, 0, 2), expand=False))


def _show_cell(console: "Console", loaded: "Results", verdict: "Verdict") -> None:
    """Print a cell's verdict in a line, and below it why it is undecided."""
    from rich.text import Text

    from analysis.verdicts import formatting

    decisive, where = verdict.decisive, formatting.where(loaded, verdict)
    line = Text(f"    {where}: " if where else "    ")
    line.append(f"{verdict.conclusion}", _STYLES[verdict.conclusion])
    if verdict.n:
        line.append(f", {formatting.effect_in_unit(decisive)}")
    if verdict.n and (place := formatting.closest(verdict)):
        line.append(f" at its closest, {place}")
    line.append(f", n = {verdict.n} of {verdict.planned}")
    if verdict.decisive.criterion.has_margin and verdict.n:
        line.append(f", smallest margin {formatting.smallest_margin(verdict)}")
    whole = not console.is_terminal  # a terminal would break the line within a number
    console.print(line, soft_wrap=whole)
    if verdict.reason:
        console.print(Text(f"      {verdict.reason}"), soft_wrap=whole)


def _show_pairs(console: "Console", loaded: "Results", verdict: "Verdict") -> None:
    """Print the trials behind a verdict: a row per seed, under the cell and what is compared."""
    from rich.padding import Padding
    from rich.text import Text

    from analysis.verdicts import formatting
    from orchestrator import text_tables

    for comparison in verdict.comparisons:
        place = formatting.place(comparison)
        cell = [verdict.method, formatting.where(loaded, verdict), place]
        rows = [row for _, *row in formatting.pairs(comparison)]
        table = text_tables.laid_out(
            ("seed", "trial", "partner", "difference"), rows, (), console.width - 2
        )
        title = f"{', '.join(filter(None, cell))}; {comparison.criterion.says}:"
        console.print(Text(f"  {title}", "bold"), soft_wrap=not console.is_terminal)
        console.print(Padding(table, (0, 0, 0, 2)))


def _show_untested(claims: "Sequence[Claim]") -> None:
    """Print the claims without cells in one line."""
    if claims:
        ids = ", ".join(claim.id for claim in claims)
        print(f"Not tested, for lack of cells: {ids} (--json names the studies that test them)")
