"""`untuned compact`."""

import click

from orchestrator.cli import _lookup, _options
from studies.errors import UserError


@click.command(name="compact")
@_options.study_argument
@_options.results_option
def command(study: str, results: str) -> None:
    """Merge the many small files of STUDY's results into few; reading them is much faster then.

    It may run while the study runs, and can be stopped at any time.
    """
    from studies.store.compaction import compact

    store = _lookup.results_store(study, results)
    try:
        done = compact(store)
    except OSError as error:
        raise UserError(
            f"results {store.uri}: cannot be written to ({error.strerror or error}); what was "
            "merged before is in place, the rest as it was"
        ) from None
    for table, parts in done.items():
        print(f"{table}: {parts.before} parts, now {parts.after}")
