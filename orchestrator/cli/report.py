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
    help="Folder for the page and its figures; by default `report` in the study's results, or a "
    "folder in `reports` for several studies.",
)
def command(studies: tuple[str, ...], results: str, output: Path | None) -> int:
    """Write a page with the verdicts, tables and figures of STUDY.

    Each STUDY is a study's name, its file, or the folder or URI of its results, such as
    results-of-may/digits. Several studies are analysed together and compared side by side.
    """
    import analysis
    from analysis import report

    stores = [_lookup.results_store(name, results) for name in dict.fromkeys(studies)]
    results_by_study = {}
    if len(stores) > 1:
        names = [store.study for store in stores]
        unique = len(set(names)) == len(names)
        results_by_study = {s.study if unique else s.uri: analysis.load(s.uri) for s in stores}
    shared_folder = Path("reports") / "-".join(dict.fromkeys(store.study for store in stores))
    study_folder = stores[0].local_path if len(stores) == 1 else None
    folder = output or (study_folder / "report" if study_folder else shared_folder)
    written = _lookup.from_results(
        studies, results, lambda loaded: report.write(loaded, folder, results_by_study)
    )
    print(f"report: {written.page}")
    for name, log in written.failed.items():
        print(f"untuned: the figure {name} could not be drawn; see {log}", file=sys.stderr)
    return 1 if written.failed else 0
