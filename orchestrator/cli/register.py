"""`untuned register`."""

from typing import TYPE_CHECKING

import click

from orchestrator import data_places, taking_over
from orchestrator.cli import _options
from studies.seeds import Seeds

if TYPE_CHECKING:
    from studies.trial import Value


@click.command(name="register")
@_options.studies_argument
@_options.results_option
@_options.data_option
@_options.extent_options
def command(
    studies: tuple[str, ...],
    results: str,
    data: tuple[str, ...],
    seeds: Seeds | None,
    epochs: int | None,
    only: "dict[str, list[Value]]",
    change: "dict[str, list[Value]]",
) -> None:
    """Record the definitions of each STUDY before any of them runs.

    A verdict is confirmatory only if its study was recorded before a trial with one of its seeds
    was finished, in any study of the same results folder. Studies that share seeds must therefore
    be registered together, before the first of them runs; `untuned run` records only its own.
    """
    from orchestrator import plan
    from orchestrator.formatting import many
    from studies.store import Store
    from studies.study import find

    definitions = {
        name: find(name).override(
            seeds=seeds,
            epochs=epochs,
            data=data_places.named_sources(data),
            only=only,
            change=change,
        )
        for name in studies
    }
    for definition in definitions.values():
        plan.check_claims(definition)
        plan.check(definition)
    for name, definition in definitions.items():
        store = Store(results, definition.name)
        store.check_writable()
        if published := taking_over.place(definition, name):
            taking_over.take_over(definition, store, published)
        store.definitions.record(definition)
        (known,) = (
            recorded.known or {}
            for recorded in store.definitions.recorded()
            if recorded.study.definition_hash == definition.definition_hash
        )
        fresh = [seed for seed in definition.confirmatory_seeds if not known.get(seed)]
        print(
            f"{definition.name}: recorded; {len(fresh)} of "
            f"{many(len(definition.confirmatory_seeds), 'seed')} without a finished trial"
        )
