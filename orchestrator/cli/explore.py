"""`untuned explore`."""

import webbrowser
from typing import TYPE_CHECKING

import click

from orchestrator.cli import _lookup, _options

if TYPE_CHECKING:
    from analysis import Results


@click.command(name="explore")
@_options.studies_argument
@_options.results_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="N",
    help="Port on this machine; by default a free one.",
)
@click.option("--no-open", is_flag=True, help="Print the address, and open no browser.")
def command(studies: tuple[str, ...], results: str, port: int, no_open: bool) -> None:
    """Explore the results of STUDY in the browser.

    The page shows curves and final results by any field, with filters, and for each trial its row,
    its masks and the command that trains it again. While the study runs, the page is updated. It is
    served to this machine alone (127.0.0.1), until Ctrl-C.
    """
    from orchestrator.explorer import server

    def read() -> "Results":
        return _lookup.from_results(studies, results, lambda loaded: loaded)

    def ready(address: str) -> None:
        print(f"{address} shows {', '.join(studies)}; Ctrl-C ends it", flush=True)
        if not no_open:
            webbrowser.open(address)

    try:
        server.serve(read, port, ready)
    except KeyboardInterrupt:
        print()
