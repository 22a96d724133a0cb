"""Ships the results of a study with the project; `make ship STUDY=NAME FROM=RESULTS` runs it.

``python -m orchestrator.cli._ship NAME`` writes the finished trials of `results/NAME`, compacted,
to `studies/results/NAME`.
"""

import sys

import click

from orchestrator.cli import _options, run_command
from orchestrator.formatting import many, size


@click.command(name="ship")
@_options.study_argument
@_options.results_option
@click.option("--masks", is_flag=True, help="Ship the masks too.")
def command(study: str, results: str, masks: bool) -> None:
    """Write the finished trials of STUDY to the results that the project ships."""
    from studies.store import Store
    from studies.store.shipping import ship

    done = ship(Store(results, study), masks=masks)
    print(
        f"{study}: {many(done.trials, 'trial')} and {many(done.definitions, 'definition')} in "
        f"{done.store.uri}, {size(done.bytes)}; all shipped results have {size(done.all_bytes)}"
    )
    if done.without_masks:
        print(
            f"the masks of {many(done.without_masks, 'trial')} are left out; a run of the study "
            "trains these again (--masks ships them)",
            file=sys.stderr,
        )


if __name__ == "__main__":
    run_command(command)
