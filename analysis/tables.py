"""The tables of studies: one attempt per trial, with the trials' fields in every table.

`trials` is a pandas frame with a row per trial. `epochs`, `layers` and `masks` may have a billion
rows, so they are DuckDB relations over Arrow data sets: only the columns and groups that a query
needs are read, from any filesystem that pyarrow opens.
"""

import functools
import io
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.places import Place, conflicts, failed, read
from analysis.relations import Relations
from studies.errors import UserError, shown
from studies.roles import Role
from studies.schemas import TABLES
from studies.store import Store
from studies.store.definitions import Recorded
from studies.traits import TRAITS, MethodTraits, traits_of
from studies.trial import SETTABLE, Trial, fields_with

if TYPE_CHECKING:
    import duckdb

    from studies.study import Study

_Arguments = ParamSpec("_Arguments")
_Value = TypeVar("_Value")

#: The fields that name components, whose revisions a trial carries.
_COMPONENTS = fields_with(Role.COMPONENT)
#: The columns of the file of benchmarks that are read.
_BENCHMARKS = pa.schema(
    {
        "at": pa.timestamp("ns", "UTC"),
        **dict.fromkeys(("group", "measure", "machine", "versions"), pa.string()),
        "values": pa.list_(pa.float64()),
        "quick": pa.bool_(),
    }
)
#: A column for the number of the study that a trial's row comes from.
_PLACE = "_place"


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """The results of one or several studies so far.

    Accuracies and `changed` are fractions, losses are in nats, times in seconds. Every table has a
    column `study`; a trial of several studies has a row only for the first of them.

    Attributes:
        trials: a row per finished trial, with the columns of `studies.schemas.TRIALS`.
        tuning: the finished trials on tuning seeds, which are in none of the other tables.
        tuning_plan: the planned trials on tuning seeds, with the columns of `plan`.
        plan: a row per trial of the union of all definitions that were run: its fields, the traits
            of its method, and two sets of definitions, as numbers whose n-th bit stands for the
            n-th of `definitions`: `defined`, those that have it; `committed`, those of them that
            were recorded before any trial with its seed was finished. `by_choice`: whether it
            is planned because tuning seeds chose its configuration among others.
        benchmarks: a row per measure of the last run of `make bench` beside the results, with
            `values`, one for each round; a quick run only if there is no complete one.
        definitions: the definitions that were run, as recorded, per study the earliest first.
        failed: ids of trials that failed and are not finished.
        damaged: the damaged parts that were left out, as ``study/table/part``.
        conflicts: ids of trials of which two attempts under the same conditions differ.
        superseded: number of finished trials that are left out because a component of theirs was
            mended: there are trials of a later revision of the same components.
        methods: the traits of each method that was planned or is finished; `trials`, `tuning` and
            the plans have them as columns, without nulls.
        relations: the tables `epochs`, `layers` and `masks`, read on demand.
    """

    trials: pd.DataFrame
    tuning: pd.DataFrame
    plan: pd.DataFrame
    tuning_plan: pd.DataFrame
    benchmarks: pd.DataFrame
    definitions: tuple[Recorded, ...]
    failed: tuple[str, ...]
    damaged: tuple[str, ...]
    conflicts: tuple[str, ...]
    superseded: int

    methods: Mapping[str, MethodTraits]
    relations: Relations

    #: The values of functions decorated with `computed_once`, by function and further arguments.
    _computed: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def traits(self, method: str) -> MethodTraits:
        """Return the traits of a method, as far as they are recorded or its name is known."""
        return self.methods.get(method) or traits_of(method)

    @property
    def epochs(self) -> "duckdb.DuckDBPyRelation":
        """A row per trial and epoch (epoch 0: before training), with the trial's fields.

        Rows are read on demand: ``.df()`` gives pandas, ``.to_arrow_table()`` Arrow, ``.pl()``
        Polars, and `query` takes SQL.
        """
        return self.relations.table("epochs")

    @property
    def layers(self) -> "duckdb.DuckDBPyRelation":
        """Like `epochs`, a row per trial, epoch and layer.

        With `changed`, the fraction of the layer's connections that are pruned or flipped.
        """
        return self.relations.table("layers")

    @property
    def masks(self) -> "duckdb.DuckDBPyRelation":
        """Like `epochs`, a row per trial, epoch and layer with `kept`, the bits of the mask.

        For studies that keep masks; empty if none does. If a trial ran with and without keeping
        masks, the attempt with masks counts.
        """
        return self.relations.table("masks")

    @property
    def connection(self) -> "duckdb.DuckDBPyConnection":
        """DuckDB's connection, in memory, with the tables as views."""
        return self.relations.connection

    def query(self, sql: str) -> "duckdb.DuckDBPyRelation":
        """Run an SQL query over the tables `trials`, `epochs`, `layers` and `masks`.

        Such as ``SELECT method, epoch, avg(test_accuracy) FROM epochs GROUP BY ALL``, which needs
        no more memory than its result; ``.df()`` gives the result as a pandas frame. A join has its
        right table in memory: write ``epochs JOIN trials USING (attempt)``.

        Raises:
            duckdb.Error: the query is wrong, or parts were merged since the results were loaded.
        """
        return self.connection.sql(sql)

    def __repr__(self) -> str:  # for `print`, and for whoever types the name
        methods = ", ".join(dict.fromkeys([*self.plan["method"], *self.trials["method"]]))
        margins = ", ".join(f"{margin:g} points in {name}" for name, margin in self.margins.items())
        outcomes = self.trials["outcome"].value_counts()
        others = [f"{count} {name}" for name, count in outcomes.items() if name != "completed"]
        lines = [
            f"{', '.join(self.names) or 'no definition'}: {self.finished} of {self.planned} "
            f"planned trials finished{', ' if others else ''}{', '.join(others)}",
            f"methods: {methods}",
            f"margin: {margins or 'none'}",
            f"tables: trials ({len(self.trials)} rows), epochs, layers, masks; query takes SQL",
        ]
        return "\n".join(lines)

    @property
    def final_layers(self) -> "duckdb.DuckDBPyRelation":
        """The rows of `layers` after each trial's last epoch."""
        return self.relations.final("layers")

    @property
    def final_masks(self) -> "duckdb.DuckDBPyRelation":
        """The rows of `masks` after each trial's last epoch."""
        return self.relations.final("masks")

    @property
    def studies(self) -> tuple["Study", ...]:
        """The definitions that were run, per study the earliest first."""
        return tuple(recorded.study for recorded in self.definitions)

    @property
    def names(self) -> tuple[str, ...]:
        """The studies' names."""
        return tuple(dict.fromkeys(study.name for study in self.studies))

    @property
    def planned(self) -> int:
        """The number of trials in the union of all definitions that were run."""
        return len(self.plan)

    @property
    def finished(self) -> int:
        """The number of planned trials that are finished."""
        return len(self.plan.merge(self.trials[list(SETTABLE)], on=list(SETTABLE)))

    @property
    def margins(self) -> dict[str, float]:
        """The margin in points of each study that has one, from its earliest definition."""
        earliest = {study.name: study.margin for study in reversed(self.studies)}
        return {name: earliest[name] for name in self.names if earliest[name] is not None}  # type: ignore[misc]

    @property
    def margin(self) -> float | None:
        """The margin in points; the smallest one of several studies, None if none has one."""
        return min(self.margins.values(), default=None)

    @property
    def margin_changed(self) -> bool:
        """Whether a later definition of a study states another margin than its earliest."""
        stated = {(study.name, study.margin) for study in self.studies}
        return len(stated) > len(self.names)


def computed_once(
    function: Callable[Concatenate[Results, _Arguments], _Value],
) -> Callable[Concatenate[Results, _Arguments], _Value]:
    """Decorate a function of results so that it computes its value once per `Results` object.

    The value is stored in that object and is freed with it; a cache of the module would keep
    every study in memory that was ever loaded. All callers get the same value, so nobody may
    change it in place.

    Args:
        function: takes results first; its further arguments are hashable.
    """

    @functools.wraps(function)
    def stored(results: Results, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Value:
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in results._computed:
            results._computed[key] = function(results, *args, **kwargs)
        value: _Value = results._computed[key]
        return value

    return stored


@dataclass(frozen=True)
class _Loaded:
    """The trials of a place before they are joined: `trials` without those on tuning seeds."""

    trials: pd.DataFrame
    tuning: pd.DataFrame
    superseded: int


def load(uri_or_uris: str | PathLike[str] | Iterable[str | PathLike[str]]) -> Results:
    """Read the results of one or several studies.

    Every part's bytes are compared with its name once. Rows of `epochs`, `layers` and `masks` are
    read on demand. Results of one study in several places are joined: a trial that several have
    counts once, with the row of the first.

    Args:
        uri_or_uris: a study's results folder (a text or a path) or URI, such as ``results/digits``
            or ``s3://bucket/results/digits``; or a study's name, such as ``digits``, for its
            results in the folder ``results`` and its shipped results; or several of them.

    Raises:
        UserError: no URI was given, or there are no results at one of them.
    """
    every = read(_uris(uri_or_uris))
    loaded = _loaded(every)
    frames = [
        _together([one.trials for one in loaded]),
        _together([one.tuning for one in loaded]),
        _plans(every, tuning=False),
        _plans(every, tuning=True),
    ]
    methods = _methods(*frames)
    trials, tuning, plan, tuning_plan = (_with_traits(frame, methods) for frame in frames)
    shown = trials.drop(columns=_PLACE)
    attempts = [set(trials.loc[trials[_PLACE] == n, "attempt"]) for n in range(len(every))]
    return Results(
        trials=shown,
        tuning=tuning.drop(columns=_PLACE),
        plan=plan,
        tuning_plan=tuning_plan,
        benchmarks=_benchmarks(every[0].store),
        definitions=tuple(recorded for one in every for recorded in one.definitions),
        failed=failed(every),
        damaged=tuple(
            f"{one.store.study}/{table}/{part}" for one in every for table, part in one.done.damaged
        ),
        conflicts=conflicts(every),
        superseded=sum(one.superseded for one in loaded),
        methods=methods,
        relations=Relations(shown, [(one.store, one.done) for one in every], attempts),
    )


def _uris(given: Any) -> list[str]:
    """Return one or several URIs, names or paths as texts.

    Raises:
        UserError: there is none, or one is something else.
    """
    is_one = isinstance(given, str | PathLike) or not isinstance(given, Iterable)
    several = [given] if is_one else given
    uris = [fspath(uri) if isinstance(uri, PathLike) else uri for uri in several]
    if not uris:
        raise UserError("no results given; name at least one study's folder, as in results/digits")
    for uri in uris:
        if not isinstance(uri, str):
            raise UserError(f"results {shown(uri)}: give a study's folder, as in 'results/digits'")
    return uris


def _loaded(every: Sequence[Place]) -> list[_Loaded]:
    """Return the trials of each place; only those of a component's latest revision in any place."""
    frames = [
        place.done.rows.drop_columns("part").to_pandas().assign(**{_PLACE: number})
        for number, place in enumerate(every)
    ]
    current: dict[str, pd.DataFrame] = {}
    for study in dict.fromkeys(place.store.study for place in every):
        its = [f for f, place in zip(frames, every, strict=True) if place.store.study == study]
        current[study] = _of_latest_revision(pd.concat(its))
    loaded = []
    for number, (place, frame) in enumerate(zip(every, frames, strict=True)):
        of_study = current[place.store.study]
        rows = of_study[of_study[_PLACE] == number].drop(columns=_PLACE).reset_index(drop=True)
        rows.insert(0, "study", place.store.study)
        tuning = rows["seed"].isin(_tuning(place.every))
        loaded.append(_Loaded(rows[~tuning], rows[tuning], len(frame) - len(rows)))
    return loaded


def _together(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the trials of several studies; a shared trial has only the row of the first study.

    They have a further column `_PLACE`, the number of the study that the row comes from.
    """
    placed = [frame.assign(**{_PLACE: number}) for number, frame in enumerate(frames)]
    return pd.concat(placed).drop_duplicates(list(SETTABLE), ignore_index=True)


def _methods(*frames: pd.DataFrame) -> dict[str, MethodTraits]:
    """Return the traits of each method in some frames, from a row that records them if one does."""
    rows: dict[str, dict[Hashable, Any]] = {}
    for frame in frames:
        columns = [name for name in ("method", "density", *TRAITS) if name in frame]
        for row in frame[columns].drop_duplicates("method").to_dict("records"):
            rows.setdefault(row["method"], row)
        if TRAITS[0] in frame:
            recorded = frame[columns].dropna().drop_duplicates("method").to_dict("records")
            rows |= {row["method"]: row for row in recorded}
    return {method: traits_of(row) for method, row in rows.items()}  # type: ignore[arg-type]


def _with_traits(frame: pd.DataFrame, methods: Mapping[str, MethodTraits]) -> pd.DataFrame:
    """Return the frame with the traits of each row's method as columns of bool."""
    of_method = frame["method"].tolist()
    columns = {}
    for name in TRAITS:
        known = [getattr(methods[method], name) for method in of_method]
        if name in frame:  # what a row records counts
            recorded = frame[name].tolist()
            known = [k if pd.isna(r) else bool(r) for k, r in zip(known, recorded, strict=True)]
        columns[name] = np.array(known, bool)
    return frame.assign(**columns)


def _of_latest_revision(trials: pd.DataFrame) -> pd.DataFrame:
    """Leave out trials of a component that was mended since; they count as not finished.

    A component's revision only rises, so the largest sum marks the latest trials of the same
    components.
    """
    ranks = trials["revisions"].map(lambda text: sum(map(int, re.findall(r"=(\d+)", text))))
    latest = ranks.groupby([trials[name] for name in _COMPONENTS]).transform("max")
    return trials[ranks == latest].reset_index(drop=True)


def _benchmarks(store: Store) -> pd.DataFrame:
    """Return the last complete run of the benchmarks beside the studies, or else the last quick."""
    content = store.beside("benchmarks.parquet")
    try:
        table = pq.read_table(io.BytesIO(content or b"")).select(_BENCHMARKS.names)
        rows = table.cast(_BENCHMARKS).to_pandas().dropna(ignore_index=True)
    except (pa.ArrowException, OSError, LookupError, ValueError):  # damaged, or another program's
        rows = _BENCHMARKS.empty_table().to_pandas()
    complete = rows[~rows["quick"]]
    rows = rows if complete.empty else complete
    last: pd.DataFrame = rows[rows["at"] == rows["at"].max()].reset_index(drop=True)
    return last


def _plans(every: Sequence[Place], *, tuning: bool) -> pd.DataFrame:
    """Return a row of fields per trial of the union of definitions, in the definitions' order.

    Args:
        every: the places of the studies.
        tuning: whether to return the trials on tuning seeds, or the others.
    """
    defined: dict[Trial, int] = {}
    committed: dict[Trial, int] = {}
    by_choice: dict[str, set[Trial]] = {one.store.study: set() for one in every}
    plain: dict[str, set[Trial]] = {one.store.study: set() for one in every}
    count = 0
    for one in every:
        seeds = _tuning(one.definitions)
        planned = [
            trial
            for recorded in one.definitions
            for trial in recorded.study.trials()
            if (trial.seed in seeds) == tuning
        ]
        for recorded in one.definitions:
            bit = bit_of(count)
            # What is chosen later among values that were named first was planned first.
            study = recorded.study
            candidates = set(study.candidates())
            always = set(study.trials()) if study.is_tuned else candidates
            by_choice[one.store.study] |= candidates - always
            plain[one.store.study] |= always
            for trial in planned:
                has = bit if trial in candidates else 0
                fresh = recorded.known is not None and not recorded.known.get(trial.seed)
                defined[trial] = defined.get(trial, 0) | has
                committed[trial] = committed.get(trial, 0) | (has if fresh else 0)
            count += 1
    chosen = _by_choice_alone(by_choice, plain)
    kinds = {name: TABLES["trials"].field(name).type for name in SETTABLE}
    values = {
        name: pa.array([getattr(trial, name) for trial in defined], kinds[name])
        for name in SETTABLE
    }
    plan: pd.DataFrame = pa.table(values).to_pandas()
    return plan.assign(
        defined=np.array(list(defined.values()), np.int64),
        committed=np.array(list(committed.values()), np.int64),
        by_choice=np.array([trial in chosen for trial in defined], bool),
    )


def bit_of(number: int) -> int:
    """Return the bit of a definition in a set of them, such as `defined`.

    Args:
        number: its place in `Results.definitions`; those beyond the 52nd share a bit.
    """
    return 1 << min(number, 52)


def _by_choice_alone(
    by_choice: Mapping[str, set[Trial]], plain: Mapping[str, set[Trial]]
) -> set[Trial]:
    """Return the trials that some study trains only if they are chosen, and no other always."""
    alone: set[Trial] = set()
    for name, trials in by_choice.items():
        others = [always for other, always in plain.items() if other != name]
        alone |= trials.difference(*others)
    return alone


def _tuning(definitions: Iterable[Recorded]) -> set[int]:
    """Return the seeds that are only for tuning, whose results are not shown.

    A value that was chosen on a seed looks better on that seed than it is.
    """
    studies = [recorded.study for recorded in definitions]
    confirmatory = {seed for study in studies for seed in study.confirmatory_seeds}
    return {seed for study in studies for seed in study.all_tuning_seeds} - confirmatory
