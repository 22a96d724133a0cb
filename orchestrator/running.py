"""Runs the missing trials of a study: what `untuned run` and `orchestrator.run` share."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from studies.errors import UserError

if TYPE_CHECKING:
    from orchestrator.execution.messages import Outcome, RunOptions, RunRequest
    from orchestrator.execution.session_process import SessionProcess
    from orchestrator.plan import Plan
    from studies.store import Store
    from studies.study import Study
    from trainers.datasets import Place

_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class HowToRun:
    """How definitions are run: what does not change them.

    Attributes:
        data: the values of --data.
        address: of a Ray cluster, or None.
        engine: ``auto``, ``mm`` or ``onednn``.
        hours: after which the run ends; None for no limit.
        options: the other fields of `RunOptions`.
    """

    data: tuple[str, ...] = ()
    address: str | None = None
    engine: str = "auto"
    hours: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def inline(self) -> bool:
        """Whether it trains in this process, without Ray."""
        return bool(self.options.get("executor") == "inline")

    @property
    def joins(self) -> bool:
        """Whether it works on the study together with other runs."""
        return bool(self.options.get("join"))


@dataclass(frozen=True)
class Ended:
    """How the run of one definition ended.

    Attributes:
        study: the definition.
        store: its results.
        outcome: how the run ended; None if there was nothing to do.
        planned: trials of the definition.
        seconds: how long it took.
    """

    study: "Study"
    store: "Store"
    outcome: "Outcome | None"
    planned: int
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Whether all trials of the definition are finished."""
        return self.outcome is None or self.outcome.finished == self.outcome.planned

    @property
    def stopped(self) -> bool:
        """Whether a signal or the end of its time ended the run."""
        return self.outcome is not None and bool(self.outcome.interrupted or self.outcome.timed_out)

    def missing(self) -> list[str]:
        """Return lines on the trials that are missing, and why."""
        outcome = self.outcome
        if outcome is None or self.finished:
            return []
        count = outcome.planned - outcome.finished
        lines = [
            f"{self.study.name}: {outcome.finished} of {outcome.planned} trials finished; {count} "
            "are missing"
        ]
        if outcome.reason:
            lines.append(f"  ended early: {outcome.reason}")
        lines += [
            f"  trial {trial_id} failed; see {log}" for trial_id, log in outcome.failed.items()
        ]
        if outcome.log:
            lines.append(f"  workers or Ray failed; see {outcome.log}")
        return lines


@dataclass(frozen=True)
class Prepared:
    """A run that can start.

    Attributes:
        planned: what the definition asks for, compared with the results.
        options: how the trials are trained.
        places: where the data sets are, by name.
    """

    planned: "Plan"
    options: "RunOptions"
    places: "Mapping[str, Place]"


def run_definitions(requested: "Study", store: "Store", how: HowToRun) -> Iterator[Ended]:
    """Run a study, and yield how each of its definitions ended.

    A study that tunes fields has two: the tuning seeds, then what they chose on the fresh seeds.
    The second is run once the first has been yielded, if all of its trials are finished.

    Raises:
        UserError: a mistake in the study, the data sets, the results or the cluster; nothing was
            started.
    """
    from orchestrator import tuning

    deadline = None if how.hours is None else time.monotonic() + how.hours * _SECONDS_PER_HOUR
    while True:
        definition = tuning.resolved(requested, store)
        ended = _run_definition(definition, store, how, deadline)
        yield ended
        if not definition.is_tuned or not ended.finished or ended.stopped:
            return


def prepared(definition: "Study", stores: "Sequence[Store]", how: HowToRun) -> Prepared:
    """Plan the run of a definition.

    Everything that the run needs is checked before anything is started or written.

    Args:
        definition: the study as it is to be run now.
        stores: its results, and others whose trials are not trained.
        how: how it is run.

    Raises:
        UserError: a trial that cannot be run, data sets or results that cannot be used, or a
            cluster that does not answer.
    """
    from orchestrator import data_places, plan
    from orchestrator.execution import code_upload
    from orchestrator.execution.data_loading import data_set_names
    from orchestrator.execution.messages import RunOptions

    store, *others = stores
    store.check_place()
    if code_upload.COMMAND not in os.environ:  # of a job they were checked where it was submitted
        plan.check_claims(definition)
    planned = plan.make([definition], store, *others)
    options = RunOptions(engine=_engine(how, planned, store), **how.options)
    places = data_places.places(how.data, data_set_names(planned.trials), definition.data)
    if planned.todo:
        data_places.check({name: places[name] for name in data_set_names(planned.todo)})
        _check_surroundings(store, options, how.address)
    return Prepared(planned, options, places)


def _run_definition(
    definition: "Study", store: "Store", how: HowToRun, deadline: float | None
) -> Ended:
    """Run the missing trials of a definition.

    Args:
        definition: the study as it is to be run now.
        store: its results.
        how: how it is run.
        deadline: when the run is to end, by `time.monotonic`; None for no limit.
    """
    from orchestrator.execution.session_process import SessionProcess

    with ExitStack() as stack:
        # A session's process takes seconds to import Ray; it does so while the study is planned.
        process = None if how.inline else stack.enter_context(SessionProcess(how.address))
        from orchestrator.execution.messages import RunRequest

        run = prepared(definition, [store], how)
        planned = run.planned
        _note_definitions(definition, store)
        if not planned.todo:
            _set_damaged_aside(store, planned)
            return Ended(definition, store, None, len(planned.trials))
        request = RunRequest(
            study=definition,
            store=store,
            todo=planned.todo,
            need_masks=planned.demand.need_masks,
            data=run.places,
            fingerprints=planned.results.fingerprints(),
            options=run.options,
            address=how.address,
        )
        return _run(planned, request, process, deadline)


def _engine(how: HowToRun, planned: "Plan", store: "Store") -> str:
    """Return the engine of the runs that this one joins, if there are any, or its own choice."""
    from orchestrator.execution import resources
    from orchestrator.execution.live_runs import LiveRuns

    if how.engine == "auto" and how.joins:
        for other in LiveRuns(store).alive():
            if other.engine:
                return other.engine
    return resources.engine(how.engine, planned.results.cpu_engines())


def _check_surroundings(store: "Store", options: "RunOptions", address: str | None) -> None:
    """Check what a run needs beside its data sets, before anything is started or written.

    Raises:
        UserError: the results cannot be written, a logger cannot work, or no cluster answers.
    """
    from orchestrator.execution import loggers, ray_connection

    store.check_writable()
    loggers.check(options.all_loggers, loggers.Destination.of(store, options))
    if address and options.executor == "inline":
        raise UserError(
            f"--address {address}: the executor inline trains in this process; leave one of the "
            "two out"
        )
    if address:
        ray_connection.check_address(address)
    elif options.executor != "inline":
        ray_connection.folder()


def _run(
    planned: "Plan",
    request: "RunRequest",
    process: "SessionProcess | None",
    deadline: float | None,
) -> Ended:
    """Run the missing trials."""
    from orchestrator.execution import resources, supervisor
    from orchestrator.execution.heartbeat import RunHeartbeat

    started = time.monotonic()
    name, store = request.study.name, request.store
    if not request.address:
        request = replace(request, resources=resources.on_this_machine(request.options))
    on_cpu = request.resources is None or request.resources.device == "cpu"
    engine = request.options.engine if on_cpu else ""
    with RunHeartbeat(store, joins=request.options.join, engine=engine) as heartbeat:
        _set_damaged_aside(store, planned)
        count = f"{len(planned.todo)} of {len(planned.trials)} trials to run"
        where = f"Ray cluster {request.address}" if request.address else request.resources
        print(f"{name}: {count}, {where}", file=sys.stderr)
        seconds = None if deadline is None else max(0.0, deadline - time.monotonic())
        outcome = supervisor.run(planned, request, heartbeat, process, seconds)
    took = time.monotonic() - started
    return Ended(request.study, store, outcome, outcome.planned, took)


def _note_definitions(definition: "Study", store: "Store") -> None:
    """Print whether other definitions of this name have been run, and which margin counts."""
    recorded = store.definitions.all()
    others = {trial for other in recorded if other != definition for trial in other.trials()}
    # Before its tuning seeds are finished, a study does not say which fresh trials it has.
    if not definition.is_tuned and others.difference(definition.trials()):
        print(
            f"{definition.name}: {store.uri} also holds other definitions of this study; status "
            "and report cover all of them",
            file=sys.stderr,
        )
    earliest = next(iter(recorded), definition)
    if earliest.margin != definition.margin:
        print(
            f"{definition.name}: the margin stays {earliest.margin}, which was fixed when "
            "the study first ran",
            file=sys.stderr,
        )


def _set_damaged_aside(store: "Store", planned: "Plan") -> None:
    """Set damaged parts aside, so that what they held is run again, and name foreign files.

    Raises:
        UserError: there are damaged parts, and the results cannot be written.
    """
    from studies.store.part_files import NOT_OURS

    if planned.results.damaged:
        store.check_writable()
    for table, name in planned.results.foreign:
        print(f"{store.study}: {table}/{name} {NOT_OURS}", file=sys.stderr)
    for table, part in planned.results.damaged:
        with suppress(FileNotFoundError):  # another run has set it aside
            store.tables.set_aside(table, part)
        print(
            f"{store.study}: damaged part {table}/{part} set aside; its trials run again",
            file=sys.stderr,
        )
