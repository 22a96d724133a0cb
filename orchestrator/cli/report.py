"""`untuned report`."""

import sys
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import _completion, _lookup, _options
from studies import garbage
from studies.errors import unknown

if TYPE_CHECKING:
    from analysis.rendering import Renderer
    from analysis.report import Report
    from studies.store import Store

#: More processes than this draw nothing sooner.
_MOST_PROCESSES = 8


@click.command(name="report")
@_options.studies_argument
@_options.results_option
@click.option(
    "--output",
    type=_options.FolderName(),
    metavar="PATH",
    help="Folder for the page and its figures; by default `report` in the study's results, or a "
    "folder in `reports` for several studies.",
)
@click.option(
    "--figures",
    "chosen",
    multiple=True,
    callback=_options.names,
    metavar="NAME,...",
    shell_complete=_completion.figure,
    help="Draw only these figures, such as forest,final_accuracy; may be given several times.",
)
@click.option("--open", "opens", is_flag=True, help="Show the page in the browser.")
@garbage.collected_rarely()
def command(
    studies: tuple[str, ...],
    results: str,
    output: str | None,
    chosen: list[str],
    opens: bool,
) -> int:
    """Write a page with the verdicts, tables and figures of STUDY.

    Each STUDY is a study's name, its file, or the folder or URI of its results, such as
    results-of-may/digits. Several studies are analysed together and compared side by side.
    """
    with _renderer(chosen) as renderer:
        stores = {name: _lookup.places(name, results) for name in studies}
        written = _write(stores, results, Path(output) if output else None, chosen, renderer)
    print(f"report: {written.page}")
    for name, log in written.failed.items():
        print(f"untuned: the figure {name} could not be drawn; see {log}", file=sys.stderr)
    if opens:
        webbrowser.open(written.page.absolute().as_uri())
    return 1 if written.failed else 0


def _renderer(names: Sequence[str]) -> "AbstractContextManager[Renderer]":
    """Return what draws the figures, in a process per core.

    Raises:
        UserError: there is no figure of one of these names.
    """
    from analysis import figures, rendering
    from trainers.devices import cores

    known = figures.names()
    for name in names:
        if name not in known:
            raise unknown("figure", name, known)
    return rendering.renderer(min(cores(), len(names or known), _MOST_PROCESSES))


def _write(
    stores: "Mapping[str, Sequence[Store]]",
    results: str,
    output: Path | None,
    names: Sequence[str],
    renderer: "Renderer",
) -> "Report":
    """Load the results and write the page.

    Args:
        stores: the places of each study's results.
        results: the folder or URI of all results.
        output: the page's folder, if the user gave one.
        names: the figures to draw; all if there are none.
        renderer: draws them.
    """
    import analysis
    from analysis import report

    first = [its[0] for its in stores.values()]
    folder = output or _folder(first, results)
    report.check_writable(folder)
    several = {}
    if len(stores) > 1:
        every = [store.study for store in first]
        unique = len(set(every)) == len(every)
        several = {
            store.study if unique else store.uri: analysis.load([place.uri for place in its])
            for store, its in zip(first, stores.values(), strict=True)
        }
    return _lookup.from_results(
        list(stores),
        results,
        lambda loaded: report.write(
            loaded, folder, several, only=names, renderer=renderer, progress=_show
        ),
    )


def _folder(stores: "Sequence[Store]", results: str) -> Path:
    """Return where the page goes unless the user says so; shipped results are only read."""
    from studies.store import shipped

    if len(stores) > 1 or not stores[0].local_path:
        return Path("reports") / "-".join(dict.fromkeys(store.study for store in stores))
    (store,) = stores
    if store.local_path == (shipped.folder() / store.study).absolute():
        return Path("reports" if "://" in results else results) / store.study / "report"
    return Path(store.root) / "report"


def _show(done: int, count: int) -> None:
    """Show in a terminal how many figures are drawn, in a line that goes away at the end."""
    if sys.stderr.isatty():
        text = f"drawing: {done} of {count} figures" if done < count else ""
        print(f"\r{text}\x1b[K", end="", file=sys.stderr, flush=True)
