"""`untuned compact`."""

import click

from orchestrator.cli import _lookup, _options
from studies.errors import UserError


@click.command(name="compact")
@_options.study_argument
@_options.results_option
def command(study: str, results: str) -> None:
    """Merge the many small files of STUDY's results into a few.

    Merged results are much faster to read. You can run this while the study runs, and stop it at
    any time.
    """
    from studies.store.compaction import compact

    store = _lookup.own_results(study, results)
    try:
        counts = compact(store)
    except OSError as error:
        raise UserError(
            f"results {store.uri}: cannot be written to ({error.strerror or error}); files "
            "that are not merged yet stay as they were"
        ) from None
    for table, parts in counts.items():
        print(f"{table}: {parts.before} parts, now {parts.after}")
