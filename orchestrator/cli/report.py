"""`untuned report`."""

import sys
from pathlib import Path

import click

from orchestrator.cli import common
from studies.errors import UserError


@click.command(name="report")
@common.study_argument
@common.results_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for the page and its figures; the study's own `report` folder if not given.",
)
def command(study: str, results: str, output: Path | None) -> None:
    """Write a page with the tables and figures of STUDY's results."""
    import analysis
    from analysis import report

    store, _ = common.recorded(study, results)
    if not store.definitions():
        raise UserError(f"no results of {store.study} in {results}; run first: untuned run {study}")
    loaded = analysis.load(store.uri)
    for part in loaded.damaged:
        print(f"{store.study}: damaged part {part}, left out", file=sys.stderr)
    folder = output or (store.local_path or Path("reports") / store.study) / "report"
    print(f"report: {report.write(loaded, folder)}")
