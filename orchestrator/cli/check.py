"""`untuned check`."""

import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator import data_places
from orchestrator.cli import _lookup, _options
from orchestrator.formatting import approximate, many, size
from studies import garbage
from studies.errors import UserError
from studies.names import is_study_file
from studies.seeds import Seeds

if TYPE_CHECKING:
    from analysis.verdicts.claim import Claim
    from analysis.verdicts.power_analysis import ClaimPower
    from orchestrator.estimate import Estimate
    from orchestrator.estimating import Estimator
    from orchestrator.execution.messages import Resources, RunOptions
    from orchestrator.plan import Plan
    from studies.store import Store
    from studies.study import Study
    from studies.trial import Value


@click.command(name="check")
@_options.study_argument
@_options.results_option
@_options.data_option
@_options.extent_options
@click.option("--workers", type=click.IntRange(1, 1024), help="Number of worker processes.")
@_options.device_option
@click.option(
    "--no-estimate",
    is_flag=True,
    help="Skip the estimate of time and memory, for which trials are trained briefly. A missing "
    "data set is then no error.",
)
@garbage.collected_rarely()
def command(
    study: str,
    results: str,
    data: tuple[str, ...],
    seeds: Seeds | None,
    epochs: int | None,
    only: "dict[str, list[Value]]",
    change: "dict[str, list[Value]]",
    workers: int | None,
    device: str,
    no_estimate: bool,
) -> None:
    """Show what STUDY would run, what it costs and what it can decide.

    STUDY is the name of a shipped study, a study file, or the name or the folder of a study that
    has results. Nothing is started or written.
    """
    from orchestrator import estimating, plan, tuning

    definition, stores = _definition(study, results)
    definition = definition.override(
        seeds=seeds,
        epochs=epochs,
        data=data_places.named_sources(data),
        only=only,
        change=change,
    )
    plan.check_claims(definition)
    # Before the results are read: also for a finished study, which is known only afterwards.
    with estimating.estimator(beside=not no_estimate) as estimate:
        from orchestrator.execution import resources
        from orchestrator.execution.data_loading import data_set_names
        from orchestrator.execution.messages import RunOptions

        definition = tuning.resolved(definition, *stores)
        planned = plan.make([definition], *stores)
        try:
            needed = data_set_names(planned.todo)
            data_places.check(data_places.places(data, needed, definition.data))
        except UserError as error:
            if not no_estimate:
                raise
            print(f"untuned: {error}", file=sys.stderr)
        engine = resources.engine("auto", planned.results.cpu_engines())
        options = RunOptions(workers=workers, device=device, engine=engine)
        how = None if no_estimate else options
        show_estimate = show_costs(definition, planned, stores, data, how, estimate)
        powers, lacking, with_results = _claims(definition, stores)
        show_estimate()
    _print_claims(powers, lacking, with_results=with_results)


def _definition(study: str, results: str) -> "tuple[Study, list[Store]]":
    """Return the study as it is defined, or as it last ran if only its results exist.

    Beside it, where it has results; `untuned run` takes over what is finished in the shipped ones.
    """
    from studies import study as study_files
    from studies.store import Store, shipped

    if study in study_files.shipped() or is_study_file(study):
        definition = study_files.find(study)
        store = Store(results, definition.name)
        store.check_place()
    elif _lookup.is_place(study):
        store = _lookup.own_results(study, results)
        definition = store.definitions.all()[-1]
        return definition, [store]
    else:
        store, definitions = _lookup.store_and_definitions(study, results)
        definition = definitions[-1]
    published = shipped.store(definition.name)
    return definition, [store, *([published] if published else [])]


def show_costs(
    study: "Study",
    planned: "Plan",
    stores: "Sequence[Store]",
    data: tuple[str, ...],
    options: "RunOptions | None",
    estimate: "Estimator",
) -> Callable[[], None]:
    """Print a study's cells with their finished trials, and how many would run.

    Args:
        study: the study as it would run now.
        planned: its plan.
        stores: its results.
        data: the values of --data.
        options: how it would run; None for no estimate of the cost.
        estimate: makes the estimate of the cost.

    Returns:
        What estimates the cost and prints it.
    """
    from orchestrator import plan
    from orchestrator.cli.status import show_cells
    from orchestrator.execution.data_loading import data_set_names
    from orchestrator.execution.resources import on_this_machine
    from studies import tuned

    show_cells(planned)
    count = f"{len(planned.todo)} of {len(planned.trials)} trials would run; nothing started"
    print(f"{study.name}: {count}")
    expected = planned
    if study.is_tuned:
        expected = plan.make([tuned.expected(study)], *stores)
        print(
            f"then up to {len(expected.todo) - len(planned.todo)} on fresh seeds, at the values "
            "that the tuning seeds choose"
        )
    if not expected.todo or not options:
        return lambda: None
    places = data_places.places(data, data_set_names(expected.trials), study.data)
    try:
        resources = on_this_machine(options)
    except ModuleNotFoundError as error:
        return partial(_print_no_estimate, error)
    estimated = partial(estimate, expected.todo, places, resources.device, options.engine)
    return partial(_show_estimate, estimated, resources)


def _show_estimate(estimate: "Callable[[], Estimate]", resources: "Resources") -> None:
    """Print the time, memory and disk that the missing trials would take on this machine."""
    try:
        cost = estimate()
    except ModuleNotFoundError as error:
        _print_no_estimate(error)
        return
    hint = " Trials in a pack take less time." if resources.lock_step else ""
    print(
        f"estimate: {approximate(cost.seconds / resources.workers)} on "
        f"{many(resources.workers, 'worker')} ({resources.device}), plus about ten seconds to "
        f"start.{hint}"
    )
    _print_remark(
        f"Memory: up to {size(cost.memory)} per worker, and {size(cost.data)} for the data. Disk: "
        f"about {size(cost.disk)} of results. Calibrated here for {approximate(cost.calibration)}."
    )


def _print_no_estimate(error: ModuleNotFoundError) -> None:
    """Print that there is no estimate for lack of a package."""
    print(f"no estimate without {error.name}; install it with: pip install 'untuned[run]'")


def _claims(
    study: "Study", stores: "Sequence[Store]"
) -> "tuple[list[ClaimPower], dict[Claim, str], bool]":
    """Return the claims that the study can decide, why it cannot decide others, and more.

    Returns:
        The power of each claim that it can decide, the reason for each other claim, and whether
        there are results.
    """
    import analysis
    from analysis.verdicts.power_analysis import claim_powers, untestable
    from studies import tuned
    from studies.store import Store

    with_definitions = [store.uri for store in stores if store.definitions.all()]
    results = analysis.load(with_definitions) if with_definitions else None
    definitions = results.definitions if results else ()
    recorded = {one.study.definition_hash: one for one in definitions}
    expected = tuned.expected(study)
    if results and expected.definition_hash in recorded:
        powers = claim_powers(results, results)
        lacking = untestable(results, powers)
    else:
        with tempfile.TemporaryDirectory() as folder:
            # A store without results shows what is planned. The earliest margin counts.
            empty_store = Store(folder, study.name)
            for definition in [*(one.study for one in recorded.values()), study, expected]:
                before = recorded.get(definition.definition_hash)
                known = before.known if before else None
                known = stores[0].definitions.known(definition) if known is None else known
                empty_store.definitions.record(definition, known)
            planned = analysis.load(str(Path(folder) / study.name))
            powers = claim_powers(planned, results)
            lacking = untestable(planned, powers)
    return powers, lacking, results is not None


def _print_claims(
    powers: "list[ClaimPower]", lacking: "dict[Claim, str]", *, with_results: bool
) -> None:
    """Print the claims that the study can decide, with their power, and those that it cannot."""
    _print_powers(powers, with_results=with_results)
    ids_by_reason: dict[str, list[str]] = {}
    for claim, reason in lacking.items():
        ids_by_reason.setdefault(reason, []).append(claim.id)
    for reason, ids in ids_by_reason.items():
        _print_remark(f"not decided here ({reason}): {', '.join(ids)}")


def _print_remark(text: str) -> None:
    """Print a remark, indented on every line."""
    from rich.console import Console
    from rich.padding import Padding

    Console(highlight=False).print(Padding(text, (0, 0, 0, 1)))


def _print_powers(powers: "list[ClaimPower]", *, with_results: bool) -> None:
    """Print a row per claim, then why its verdicts would be exploratory."""
    from orchestrator import text_tables

    if not powers:
        print("this study can test none of the claims")
        return
    headings = ["claim", "cells", "seeds", "80% power if"]
    if with_results:
        headings.append("sd so far")
    rows = []
    for power in powers:
        claim = power.claim
        row = [f"{claim.id} {claim.name}", str(power.cells), str(power.seeds)]
        row.append(_power_condition(power))
        rows.append([*row, *([_power_so_far(power)] if with_results else [])])
    text_tables.show(headings, rows, right=("cells", "seeds"))
    _print_remark(
        "sd: of the paired differences, known only from results. Power: that all comparisons of a "
        "cell pass, if the two sides do not differ."
    )
    ids_by_reasons: dict[tuple[str, ...], list[str]] = {}
    for power in powers:
        ids_by_reasons.setdefault(power.exploratory, []).append(power.claim.id)
    for reasons, ids in ids_by_reasons.items():
        kind = f"exploratory ({'; '.join(reasons)})" if reasons else "confirmatory"
        _print_remark(f"{kind}: {', '.join(ids)}")


def _power_condition(power: "ClaimPower") -> str:
    """Return under which condition the planned seeds give 80% power."""
    if power.obstacle:
        return f"never: {power.obstacle}"
    if math.isnan(power.deviation):  # the bound is not a margin: no power without a difference
        return f"mean {power.distance:.1f} sd past the bound"
    count = f" ({power.comparisons} comparisons)" if power.comparisons > 1 else ""
    return f"sd ≤ {power.deviation * 100:.2f} points{count}"


def _power_so_far(power: "ClaimPower") -> str:
    """Return the standard deviation in the results, and the power that it gives."""
    if math.isnan(power.power):
        return ""
    return f"{power.seen * 100:.2f}, power {power.power:.2f}"
