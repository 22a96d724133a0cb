"""`untuned register`."""

import click

from orchestrator.cli import _data, _options, _shipped
from studies.seeds import Seeds


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
        name: find(name).override(seeds=seeds, epochs=epochs, data=_data.named_sources(data))
        for name in studies
    }
    for definition in definitions.values():
        plan.check(definition)
    for name, definition in definitions.items():
        store = Store(results, definition.name)
        store.check_writable()
        if published := _shipped.place(definition, name):
            _shipped.take_over(definition, store, published)
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
