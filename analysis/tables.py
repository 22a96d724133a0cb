"""The tables of studies: one attempt per trial, with the trials' fields in every table.

`trials` is a pandas frame with a row per trial. `epochs`, `layers` and `masks` may have a billion
rows, so they are DuckDB relations over Arrow data sets: only the columns and groups that a query
needs are read, from any filesystem that pyarrow opens.
"""

import functools
import io
import itertools
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
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
#: The last bit of a set of definitions: it stands for all further ones.
_LAST_BIT = 52
#: A column for the number of the place that a trial's row comes from.
_PLACE = "_place"


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """The results of one or several studies so far.

    Accuracies and `changed` are fractions, losses are in nats, times in seconds. Every table has a
    column `study`; a trial of several studies has a row only for that in which it first ended.

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
        left_out: a line on each part that is damaged or missing, and on files that are no parts.
        conflicts: ids of trials of which two attempts under the same conditions differ.
        superseded: number of finished trials that are left out because a component of theirs was
            mended: there are trials of a later revision of the same components.
        cut_short: the trials that are left out because they ended before their last planned epoch
            without having diverged, or with an outcome that this version does not know.
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
    left_out: tuple[str, ...]
    conflicts: tuple[str, ...]
    superseded: int
    cut_short: pd.DataFrame

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
    def _stored(results: Results, /, *args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Value:
        key = (function, args, tuple(sorted(kwargs.items())))
        if key not in results._computed:
            results._computed[key] = function(results, *args, **kwargs)
        value: _Value = results._computed[key]
        return value

    return _stored


def load(uri_or_uris: str | PathLike[str] | Iterable[str | PathLike[str]]) -> Results:
    """Read the results of one or several studies.

    Every part's bytes are compared with its name once. Rows of `epochs`, `layers` and `masks` are
    read on demand. Results of one study in several places are joined: a trial that several have
    counts once, as it first ended.

    Args:
        uri_or_uris: a study's results folder (a text or a path) or URI, such as ``results/digits``
            or ``s3://bucket/results/digits``; or a study's name, such as ``digits``, for its
            results in the folder ``results`` and its shipped results; or several of them.

    Raises:
        UserError: no URI was given, or there are no results at one of them.
    """
    every = read(_uris(uri_or_uris))
    on_confirmatory, on_tuning, superseded = _trials(every)
    finished = {*on_confirmatory["trial_id"], *on_tuning["trial_id"]}
    frames = [on_confirmatory, on_tuning, *_plans(every)]
    methods = _methods(*frames)
    trials, tuning, plan, tuning_plan = (_with_traits(frame, methods) for frame in frames)
    listed = trials.drop(columns=_PLACE)
    attempts = [set(trials.loc[trials[_PLACE] == n, "attempt"]) for n in range(len(every))]
    return Results(
        trials=listed,
        tuning=tuning.drop(columns=_PLACE),
        plan=plan,
        tuning_plan=tuning_plan,
        benchmarks=_benchmarks(every[0].store),
        definitions=tuple(recorded for one in every for recorded in one.definitions),
        failed=failed(every),
        damaged=tuple(
            f"{one.store.study}/{table}/{part}" for one in every for table, part in one.done.damaged
        ),
        left_out=tuple(
            dict.fromkeys(
                line for one in every for line in one.done.left_out(f"{one.store.study}/", finished)
            )
        ),
        conflicts=conflicts(every),
        superseded=superseded,
        cut_short=_cut_short(every, finished),
        methods=methods,
        relations=Relations(listed, [(one.store, one.done) for one in every], attempts),
    )


def _uris(given: Any) -> list[str]:
    """Return one or several URIs, names or paths as texts.

    Raises:
        UserError: there is none, or one is something else.
    """
    # Bytes would be several numbers, and a mapping its keys.
    no_list = (str, PathLike, bytes, bytearray, memoryview, Mapping)
    is_one = isinstance(given, no_list) or not isinstance(given, Iterable)
    several = [given] if is_one else given
    uris = [fspath(uri) if isinstance(uri, PathLike) else uri for uri in several]
    if not uris:
        raise UserError("no results given; name at least one study's folder, as in results/digits")
    for uri in uris:
        if not isinstance(uri, str):
            raise UserError(f"results {shown(uri)}: give a study's folder, as in 'results/digits'")
    return uris


def _rows(every: Sequence[Place], kind: Callable[[Place], pa.Table]) -> pd.DataFrame:
    """Return rows of all places, with their study and a column `_PLACE`, the place's number."""
    frames = []
    for number, place in enumerate(every):
        frame = kind(place).drop_columns("part").to_pandas().assign(**{_PLACE: number})
        frame.insert(0, "study", place.store.study)
        frames.append(frame)
    rows: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return rows


def _cut_short(every: Sequence[Place], finished: Collection[str]) -> pd.DataFrame:
    """Return the trials that did not end as planned, if they are finished in no place."""
    rows = _rows(every, lambda place: place.done.cut_short)
    return _as_first_ended(rows[~rows["trial_id"].isin(finished)]).drop(columns=_PLACE)


def _trials(every: Sequence[Place]) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return the finished trials, and how many are left out since a component was mended.

    Returns:
        The trials on confirmatory seeds, and those on tuning seeds, both with a column `_PLACE`,
        the number of the place; a trial in several places has only the row as it first ended, so
        that the order of the places decides nothing.
    """
    rows = _rows(every, lambda place: place.done.rows)
    latest = _of_latest_revision(rows)
    seeds = {one.store.study: _tuning(one.definitions) for one in every if one.definitions}
    pairs = zip(latest["study"], latest["seed"], strict=True)
    tunes = np.array([seed in seeds.get(study, ()) for study, seed in pairs], bool)
    trials, tuning = (_as_first_ended(part) for part in (latest[~tunes], latest[tunes]))
    return trials, tuning, len(rows) - len(latest)


def _as_first_ended(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial, in the order given."""
    in_time = rows.sort_values(["finished_at", "attempt"], kind="stable")
    first = in_time.drop_duplicates(list(SETTABLE)).index.sort_values()
    return rows.loc[first].reset_index(drop=True)


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

    A component's revision only rises, so the largest sum marks the latest trials with the same
    components, whichever study has them.
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


def _plans(every: Sequence[Place]) -> Iterator[pd.DataFrame]:
    """Yield a row of fields per trial of the union of definitions, in the definitions' order.

    First come the trials on confirmatory seeds, then those on tuning seeds.
    """
    plans: dict[bool, dict[Trial, list[int]]] = {False: {}, True: {}}  # defined and committed
    always, if_chosen = [set[Trial]() for _ in every], [set[Trial]() for _ in every]
    bits = map(bit_of, itertools.count())
    for place, one in enumerate(every):
        seeds = _tuning(one.definitions)
        trials = [recorded.study.trials() for recorded in one.definitions]
        planned = dict.fromkeys(itertools.chain(*trials))
        for recorded, own, bit in zip(one.definitions, trials, bits, strict=False):
            # What is chosen later among values that were named first was planned first.
            candidates = set(recorded.study.candidates() if recorded.study.is_tuned else own)
            always[place].update(own)
            if_chosen[place] |= candidates.difference(own)
            for trial in planned:
                sets = plans[trial.seed in seeds].setdefault(trial, [0, 0])
                if trial in candidates:
                    sets[0] |= bit
                    fresh = recorded.known is not None and not recorded.known.get(trial.seed)
                    if fresh and bit < 1 << _LAST_BIT:  # what shares a bit is no one definition
                        sets[1] |= bit
    if forgotten := {trial for one in every for trial in one.store.forgotten.all()}:
        # Whoever drops a trial knows how it ended, so what runs in its place is a second try.
        for trial, sets in itertools.chain(*(plan.items() for plan in plans.values())):
            sets[1] *= trial.trial_id not in forgotten
    by_choice = set[Trial]()  # what some study trains only if it is chosen, and no other always
    for place, chosen in enumerate(if_chosen):
        by_choice |= chosen.difference(*always[:place], *always[place + 1 :])
    kinds = {name: TABLES["trials"].field(name).type for name in SETTABLE}
    for plan in plans.values():
        columns = {n: pa.array([getattr(trial, n) for trial in plan], kinds[n]) for n in SETTABLE}
        frame: pd.DataFrame = pa.table(columns).to_pandas()
        defined, committed = np.array(list(plan.values()), np.int64).reshape(-1, 2).T
        chosen_only = np.array([trial in by_choice for trial in plan], bool)
        yield frame.assign(defined=defined, committed=committed, by_choice=chosen_only)


def bit_of(number: int) -> int:
    """Return the bit of a definition in a set of them, such as `defined`.

    Args:
        number: its place in `Results.definitions`; those beyond the 52nd share a bit.
    """
    return 1 << min(number, _LAST_BIT)


def _tuning(definitions: Iterable[Recorded]) -> set[int]:
    """Return the seeds that are only for tuning, whose results are not shown.

    A value that was chosen on a seed looks better on that seed than it is.
    """
    studies = [recorded.study for recorded in definitions]
    confirmatory = {seed for study in studies for seed in study.confirmatory_seeds}
    return {seed for study in studies for seed in study.all_tuning_seeds} - confirmatory
