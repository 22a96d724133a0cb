"""`untuned report`."""

import sys
from pathlib import Path

import click

from orchestrator.cli import _lookup, _options


@click.command(name="report")
@_options.studies_argument
@_options.results_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for the page and its figures; the study's own `report` folder if not given, "
    "`reports` here for several.",
)
def command(studies: tuple[str, ...], results: str, output: Path | None) -> int:
    """Write a page with the verdicts, tables and figures of STUDIES' results.

    Several studies are read together and set side by side; a study's name, its file, or the folder
    or URI of its results, as in results-of-may/digits.
    """
    import analysis
    from analysis import report

    stores = [_lookup.results_store(name, results) for name in dict.fromkeys(studies)]
    several = {}
    if len(stores) > 1:
        names = [store.study for store in stores]
        unique = len(set(names)) == len(names)
        several = {s.study if unique else s.uri: analysis.load(s.uri) for s in stores}
    together = Path("reports") / "-".join(dict.fromkeys(store.study for store in stores))
    own = stores[0].local_path if len(stores) == 1 else None
    folder = output or (own / "report" if own else together)
    made = _lookup.from_results(
        studies, results, lambda loaded: report.write(loaded, folder, several)
    )
    print(f"report: {made.page}")
    for name, log in made.failed.items():
        print(f"untuned: the figure {name} could not be drawn, see {log}", file=sys.stderr)
    return 1 if made.failed else 0
