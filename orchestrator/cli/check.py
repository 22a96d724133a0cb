"""`untuned check`."""

import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import _data, _lookup, _options
from orchestrator.formatting import approximate, many, size

if TYPE_CHECKING:
    from analysis.verdicts.prospects import Prospect
    from orchestrator.execution.messages import RunOptions
    from orchestrator.plan import Plan
    from studies.store import Store
    from studies.study import Study
    from trainers.datasets import Place


@click.command(name="check")
@_options.study_argument
@_options.results_option
@_options.data_option
@_options.extent_options
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes that would train.")
@_options.device_option
@click.option("--no-estimate", is_flag=True, help="Leave out the short calibration behind it.")
def command(
    study: str,
    results: str,
    data: tuple[str, ...],
    seeds: int | None,
    epochs: int | None,
    workers: int | None,
    device: str,
    no_estimate: bool,
) -> None:
    """Say what STUDY asks for before it runs: cells, time, disk, and what it can decide.

    STUDY is a shipped study's name, a study file, or the name of one that has results. Nothing is
    started and nothing written.
    """
    from orchestrator import plan
    from orchestrator.execution.data_loading import data_sets
    from orchestrator.execution.messages import RunOptions

    definition, store = _definition(study, results, seeds, epochs, data)
    planned = plan.make([definition], store)
    describe(definition.name, planned)
    if planned.todo and not no_estimate:
        places = _data.places(data, data_sets(planned.trials), definition.data)
        estimate(planned, places, RunOptions(workers=workers, device=device))
    _print_what_it_decides(definition, store)


def _definition(
    study: str, results: str, seeds: int | None, epochs: int | None, data: tuple[str, ...]
) -> "tuple[Study, Store]":
    """The study as it would run now, or as it was last run where only its results are there."""
    from studies.store import Store
    from studies.study import find, shipped

    if study in shipped() or study.endswith((".yaml", ".yml")):
        definition = find(study)
        store = Store(results, definition.name)
    else:
        store, definitions = _lookup.store_and_definitions(study, results)
        definition = definitions[-1]
    return definition.override(seeds=seeds, epochs=epochs, data=_data.named_sources(data)), store


def describe(name: str, planned: "Plan") -> None:
    """Print the cells of a study with what is finished, and how much would run."""
    from orchestrator.cli.status import show_cells

    show_cells(planned)
    print(f"{name}: {len(planned.todo)} of {len(planned.trials)} trials would run; nothing started")


def estimate(planned: "Plan", places: "dict[str, Place]", options: "RunOptions") -> None:
    """Print what the missing trials would take on the resources of this machine."""
    from orchestrator.execution.resources import on_this_machine

    try:
        resources = on_this_machine(options)
        from orchestrator.estimate import estimate as measured

        cost = measured(planned.todo, places, resources.device)
    except ModuleNotFoundError as error:
        print(f"no estimate without {error.name}: pip install 'untuned[run]' brings it")
        return
    print(
        f"estimate: {approximate(cost.seconds / resources.workers)} on "
        f"{many(resources.workers, 'worker')} ({resources.device}), plus some ten seconds to "
        f"start; up to {size(cost.memory)} of memory per worker and {size(cost.data)} for the "
        f"data; some {size(cost.disk)} of results. Calibrated here for "
        f"{approximate(cost.calibration)}."
        + (" Trials side by side take less." if resources.lock_step else "")
    )


def _print_what_it_decides(study: "Study", store: "Store") -> None:
    """Print the claims that the study has cells for, with their power, and the others."""
    import analysis
    from analysis.verdicts.prospects import lacking, prospects
    from studies.store import Store

    recorded = store.definitions.all()
    with tempfile.TemporaryDirectory() as folder:
        # The plan alone, as if it had just begun: the earliest definition's margin counts.
        alone = Store(folder, study.name)
        for definition in [*recorded, study]:
            alone.definitions.record(definition)
        planned = analysis.load(str(Path(folder) / study.name))
        seen = analysis.load(store.uri) if recorded else None
        decided, others = prospects(planned, seen), lacking(planned)
    _print_prospects(decided, seen=seen is not None)
    ids_by_reason: dict[str, list[str]] = {}
    for claim, reason in others.items():
        ids_by_reason.setdefault(reason, []).append(claim.id)
    for reason, ids in ids_by_reason.items():
        _print_remark(f"not decided here, {reason}: {', '.join(ids)}")


def _print_remark(text: str) -> None:
    """Print a remark; its wrapped lines are indented."""
    from rich.console import Console
    from rich.padding import Padding

    Console(highlight=False).print(Padding(text, (0, 0, 0, 1)))


def _print_prospects(found: "list[Prospect]", *, seen: bool) -> None:
    """Print a row per claim, then why verdicts would be exploratory."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    if not found:
        print("it has the cells of no claim")
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("claim", "cells", "seeds", "power 0.8 where"):
        numbers = name in ("cells", "seeds")
        table.add_column(name, justify="right" if numbers else "left", no_wrap=name != "claim")
    if seen:
        table.add_column("sd so far", no_wrap=True)
    for one in found:
        row = [f"{one.claim.id} {one.claim.name}", str(one.cells), str(one.seeds), _finds(one)]
        table.add_row(*row, *([_seen(one)] if seen else []))
    Console(highlight=False).print(table)
    _print_remark(
        "sd of the paired differences, known only from results. Power: of each single comparison, "
        "if the two do not differ; all comparisons of a cell must pass."
    )
    kinds: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        kinds.setdefault(one.exploratory, []).append(one.claim.id)
    for reasons, ids in kinds.items():
        kind = f"exploratory ({'; '.join(reasons)})" if reasons else "confirmatory"
        _print_remark(f"{kind}: {', '.join(ids)}")


def _finds(one: "Prospect") -> str:
    """What a claim's seeds suffice for."""
    if one.obstacle:
        return f"nowhere: {one.obstacle}"
    if math.isnan(one.deviation):  # the bound is no margin: at the bound nothing is decided
        return f"mean {one.distance:.1f} sd past its bound"
    of = f" ({one.comparisons} times)" if one.comparisons > 1 else ""
    return f"sd ≤ {one.deviation * 100:.2f} points{of}"


def _seen(one: "Prospect") -> str:
    """The deviation in the results, and the power at it."""
    if math.isnan(one.power):
        return ""
    return f"{one.seen * 100:.2f}, power {one.power:.2f}"
