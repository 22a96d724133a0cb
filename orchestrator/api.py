"""Running a study from Python; `import orchestrator` gives it, with nothing slow imported."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studies.errors import UserError, shown, unknown

if TYPE_CHECKING:
    from analysis import Results
    from orchestrator.running import Ended, HowToRun
    from studies.seeds import Seeds
    from studies.study import Study
    from studies.variants import Given

_EXECUTORS = ("ray", "inline")


class MissingTrialsError(Exception):
    """A run ended, and trials of its study are missing; the message says which and why."""


def run(
    study: "str | Path | Study",
    *,
    results: str | Path = "results",
    data: str | Path | Sequence[str | Path] = (),
    seeds: "Seeds | None" = None,
    epochs: int | None = None,
    only: "Given | None" = None,
    change: "Given | None" = None,
    keep_networks: bool = False,
    executor: Literal["ray", "inline"] = "ray",
    workers: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    gpus: int | None = None,
    gpu_fraction: float | None = None,
    tf32: bool = False,
    engine: Literal["auto", "mm", "onednn"] = "auto",
    checkpoint_seconds: float = 60.0,
    retries: int = 2,
    fail_fast: bool = False,
    join: bool = False,
    loggers: str | Sequence[str] = (),
    tensorboard: str | Path | None = None,
    address: str | None = None,
    hours: float | None = None,
    shipped: bool = True,
) -> "Results":
    """Run the missing trials of a study, as `untuned run` does, and return its results.

    What is finished already is not run again, so a second call only reads. Ctrl-C ends the run
    after the current epochs and then raises KeyboardInterrupt; the next call continues it.

    Args:
        study: the name of a shipped study, the path of a study file, or a `Study`.
        results: the folder or URI of all results; each study has its own folder in it.
        data: the folder of all data sets, or several values of --data.
        seeds: a number of seeds, a range such as ``"1001-1015"``, or a list (or Python's range).
        epochs: of all trials.
        only: for each field the value or values that trials may have; see --only.
        change: for each field another value or values for all trials; see --set.
        keep_networks: whether to keep the trained networks.
        executor: ``ray`` for Ray's workers, ``inline`` for this process alone, without Ray. In this
            process, PyTorch then computes with one thread.
        workers: worker processes; one per core if not given.
        device: where to train; ``auto`` takes a GPU if there is one.
        gpus: number of GPUs to use; all if not given.
        gpu_fraction: fraction of a GPU per worker.
        tf32: whether GPUs may multiply with TF32.
        engine: what computes fully connected layers on a CPU.
        checkpoint_seconds: training between two checkpoints of a trial, in seconds; 0 for none.
        retries: how often a failed trial is tried again.
        fail_fast: whether the first failure ends the run.
        join: whether to join a run of this study that is in progress.
        loggers: name or names of loggers that the trials are shown with, such as ``mlflow``.
        tensorboard: folder for the curves of each trial.
        address: head of a Ray cluster that this machine belongs to, or ``auto``.
        hours: end in good order after so long, and return what is finished by then.
        shipped: whether trials that are in the project's shipped results are taken over from there.

    Returns:
        All results of the study, those of earlier runs and of other definitions included.

    Raises:
        UserError: a mistake in the arguments, the study or its surroundings; nothing was started.
        MissingTrialsError: the run ended before all trials were finished, and not by `hours`; or it
            ended before there were any results.
    """
    from orchestrator import data_places, running
    from orchestrator.cli import _options

    definition, name = _definition(study)
    if executor not in _EXECUTORS:
        raise unknown("executor", str(executor), _EXECUTORS)
    options = _options.checked(
        {
            "workers": workers,
            "device": device,
            "gpus": gpus,
            "gpu_fraction": gpu_fraction,
            "tf32": tf32,
            "engine": engine,
            "checkpoint_seconds": checkpoint_seconds,
            "retries": retries,
            "keep_networks": keep_networks,
            "fail_fast": fail_fast,
            "loggers": _texts("loggers", loggers),
            "tensorboard": None
            if tensorboard is None
            else str(Path(_text("tensorboard", tensorboard)).absolute()),
            "hours": hours,
            "join": join,
        }
    )
    places = _texts("data", data)
    requested = definition.override(
        seeds=seeds,
        epochs=epochs,
        data=data_places.named_sources(places),
        keep_networks=options.pop("keep_networks"),
        only=only,
        change=change,
    )
    how = running.HowToRun(
        data=places,
        address=None if address is None else _text("address", address),
        engine=options.pop("engine"),
        hours=options.pop("hours"),
        options={**options, "executor": executor},
    )
    take_over = _options.boolean("shipped", shipped)
    return _results(requested, name, _text("results", results), how, shipped=take_over)


def _results(
    requested: "Study", name: str, place: str, how: "HowToRun", *, shipped: bool
) -> "Results":
    """Run what is missing of a study, and return its results.

    Args:
        requested: the study as it is asked for.
        name: its name, or its file, as the user gave it.
        place: the folder or URI of all results.
        how: how it is run.
        shipped: whether finished trials are taken over from the project's shipped results.

    Raises:
        MissingTrialsError: see `run`.
    """
    import analysis
    from orchestrator import running, taking_over
    from studies.store import Store

    store = Store(place, requested.name)
    if shipped and (published := taking_over.place(requested, name)):
        taking_over.take_over(requested, store, published)
    for ended in running.run_definitions(requested, store, how):
        _raise_unless_finished(ended)
    if not store.definitions.all():
        raise MissingTrialsError(
            f"{requested.name}: the time was over before the first trial began"
        )
    return analysis.load(store.uri)


def _definition(study: object) -> "tuple[Study, str]":
    """Return a study, and its name, or its file, as the user gave it.

    Raises:
        UserError: there is no such study, or it is neither a text, a path nor a `Study`.
    """
    from studies.study import Study, find

    if isinstance(study, Study):
        return study, study.name
    if not isinstance(study, str | Path):
        raise UserError(
            f"study: {shown(study)} is neither the name of a study, nor the path of a study file, "
            "nor a Study"
        )
    return find(str(study)), str(study)


def _text(name: str, given: object) -> str:
    """Return a text or a path as a text.

    Raises:
        UserError: it is neither, or empty.
    """
    if not isinstance(given, str | Path):
        raise UserError(f"{name}: {shown(given)} is neither a text nor a path")
    if not str(given).strip():
        raise UserError(f"{name}: {shown(given)} is empty; give a value, or leave it out")
    return str(given)


def _texts(name: str, given: object) -> tuple[str, ...]:
    """Return one or several texts or paths as texts.

    Raises:
        UserError: one is neither. Bytes are no list, although Python takes them for one of numbers.
    """
    if isinstance(given, str | Path):
        return (_text(name, given),)
    if not isinstance(given, Sequence) or isinstance(given, bytes | bytearray | memoryview):
        raise UserError(f"{name}: {shown(given)} is neither a text nor a path, nor a list of them")
    return tuple(_text(name, one) for one in given)


def _raise_unless_finished(ended: "Ended") -> None:
    """Raise what ended a run before its trials were finished, unless its time was over.

    Raises:
        KeyboardInterrupt: a signal ended it.
        MissingTrialsError: anything else did.
    """
    if ended.outcome is not None and ended.outcome.interrupted:
        raise KeyboardInterrupt
    if not ended.finished and not ended.stopped:
        raise MissingTrialsError("\n".join(ended.missing()))
