"""The tables of studies as pandas frames: one attempt per trial, the trials' fields joined on."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from studies.errors import UserError
from studies.results import failed, finished, rows_of
from studies.schemas import TABLES
from studies.store import Store, studies_in
from studies.trial import SETTABLE

if TYPE_CHECKING:
    from studies.study import Study

#: What is joined from `trials` onto the rows of the other tables.
_JOINED = ("study", *SETTABLE, "outcome")
#: The fields that name parts, whose revisions a trial carries.
_PARTS = ("network", "dataset", "method", "weights", "activation")


@dataclass(frozen=True)
class Results:
    """What one or several studies have brought so far.

    Accuracies and `changed` are fractions, losses nats, times seconds. Every frame has a column
    `study`; a trial that several studies share stands in the first of them only.

    Attributes:
        trials: a row per finished trial, the columns of `studies.schemas.TRIALS`.
        epochs: a row per trial and epoch (epoch 0: before training) with the trial's fields.
        layers: a row per trial, epoch and layer with the trial's fields and `changed`, the
            layer's fraction of connections that are pruned or flipped.
        plan: a row of fields per trial of the union of all definitions that were run.
        studies: those definitions, per study the earliest first.
        failed: ids of trials that failed and are not finished.
        damaged: the damaged parts that were left out, as ``study/table/part``.
        conflicts: ids of trials of which two attempts under the same conditions differ.
        superseded: number of finished trials left out because a part of theirs was mended
            since: there are trials of a later revision of the same parts.
    """

    trials: pd.DataFrame
    epochs: pd.DataFrame
    layers: pd.DataFrame
    plan: pd.DataFrame
    studies: tuple["Study", ...]
    failed: tuple[str, ...]
    damaged: tuple[str, ...]
    conflicts: tuple[str, ...]
    superseded: int

    @property
    def names(self) -> tuple[str, ...]:
        """The studies' names."""
        return tuple(dict.fromkeys(study.name for study in self.studies))

    @property
    def planned(self) -> int:
        """Number of trials in the union of all definitions that were run."""
        return len(self.plan)

    @property
    def finished(self) -> int:
        """How many of the planned trials are finished."""
        return len(self.plan.merge(self.trials[list(SETTABLE)], on=list(SETTABLE)))

    @property
    def margins(self) -> dict[str, float]:
        """Per study that fixes one: its margin in points, from the earliest definition."""
        earliest = {study.name: study.margin for study in reversed(self.studies)}
        return {name: earliest[name] for name in self.names if earliest[name] is not None}  # type: ignore[misc]

    @property
    def margin(self) -> float | None:
        """The margin in points: of several studies' margins the strictest; None without any."""
        return min(self.margins.values(), default=None)

    @property
    def margin_changed(self) -> bool:
        """Whether a later definition of a study states another margin than its earliest."""
        stated = {(study.name, study.margin) for study in self.studies}
        return len(stated) > len(self.names)


def load(uri_or_uris: str | Iterable[str]) -> Results:
    """Read the results of one or several studies.

    Args:
        uri_or_uris: a study's results folder or URI, such as ``results/digits`` or
            ``s3://bucket/results/digits``; or several of them.

    Raises:
        UserError: no URI was given, or one has no results.
    """
    uris = [uri_or_uris] if isinstance(uri_or_uris, str) else list(uri_or_uris)
    if not uris:
        raise UserError("no results given; name at least one study's folder, as in results/digits")
    loaded = [_load(uri) for uri in dict.fromkeys(uris)]
    return loaded[0] if len(loaded) == 1 else _joined(loaded)


def _load(uri: str) -> Results:
    store = _store(uri)
    definitions = tuple(store.definitions())
    done = finished(store)
    if not definitions and not len(done.rows):
        raise _nothing(store, uri)
    trials = done.rows.drop_columns("part").to_pandas()
    trials.insert(0, "study", store.study)
    current = _of_latest_revision(trials)
    superseded = len(trials) - len(current)
    current = current[~current["seed"].isin(_tuning(definitions))].reset_index(drop=True)
    return Results(
        trials=current,
        epochs=_rows(store, "epochs", current),
        layers=_with_changed(_rows(store, "layers", current)),
        plan=_plan(definitions),
        studies=definitions,
        failed=tuple(sorted(failed(store, done.ids))),
        damaged=tuple(f"{store.study}/{table}/{part}" for table, part in done.damaged),
        conflicts=done.conflicts,
        superseded=superseded,
    )


def _of_latest_revision(trials: pd.DataFrame) -> pd.DataFrame:
    """Leave out trials of a part that was mended since; they count as not finished.

    A part's revision only rises, so the largest sum marks the latest among the same parts.
    """
    ranks = trials["revisions"].map(lambda text: sum(map(int, re.findall(r"=(\d+)", text))))
    latest = ranks.groupby([trials[name] for name in _PARTS]).transform("max")
    return trials[ranks == latest].reset_index(drop=True)


def _store(uri: str) -> Store:
    """The store of a study's results: the URI's last part is its name, the rest their root."""
    path, mark, options = uri.partition("?")
    root, _, study = path.rstrip("/").rpartition("/")
    if not study or study in (".", "..") or root.endswith(":/"):
        raise UserError(f"results {uri!r}: give a study's folder, as in results/digits")
    absolute = path.startswith("/") and not root
    return Store(("/" if absolute else root or ".") + mark + options, study)


def _nothing(store: Store, uri: str) -> UserError:
    """The error for a place without results: says what to run, and what there is."""
    there = studies_in(store.root.rpartition("/")[0]) if store.local_path else []
    others = f" (there are results of: {', '.join(there)})" if there else ""
    return UserError(f"no results in {uri}; run `untuned run {store.study}` first{others}")


def _rows(store: Store, table: str, trials: pd.DataFrame) -> pd.DataFrame:
    """The rows of `layers` or `epochs` of these trials, with the trials' fields."""
    parts = dict(zip(trials["attempt"], trials[f"{table}_parts"], strict=True))
    rows: pd.DataFrame = rows_of(store, table, parts).drop_columns("part").to_pandas()
    order = [name for name in ("trial_id", "epoch", "layer") if name in rows.columns]
    rows = rows.sort_values(order, kind="stable")
    return rows.merge(trials[["attempt", *_JOINED]], on="attempt", how="left")


def _with_changed(layers: pd.DataFrame) -> pd.DataFrame:
    changed = (layers["mask_negative"] + layers["mask_zero"]) / layers["connections"]
    return layers.assign(changed=changed)


def _plan(definitions: tuple["Study", ...]) -> pd.DataFrame:
    """A row of fields per trial of the union of the definitions, in the definitions' order."""
    tuning = _tuning(definitions)
    every = (trial for study in definitions for trial in study.trials())
    trials = dict.fromkeys(trial for trial in every if trial.seed not in tuning)
    kinds = {name: TABLES["trials"].field(name).type for name in SETTABLE}
    values = {name: pa.array([getattr(t, name) for t in trials], kinds[name]) for name in SETTABLE}
    plan: pd.DataFrame = pa.table(values).to_pandas()
    return plan


def _tuning(definitions: tuple["Study", ...]) -> set[int]:
    """Seeds that settings may be chosen on and that nothing is shown of.

    What is chosen on a seed looks better there than it is.
    """
    shown = {seed for study in definitions for seed in study.confirmatory_seeds}
    return {seed for study in definitions for seed in study.tuning_seeds} - shown


def _joined(loaded: list[Results]) -> Results:
    """Several studies' results as one; a trial that they share is kept once."""
    frames = {
        name: pd.concat([getattr(one, name) for one in loaded], ignore_index=True)
        for name in ("trials", "epochs", "layers", "plan")
    }
    trials = frames["trials"].drop_duplicates(list(SETTABLE)).reset_index(drop=True)
    kept = trials["attempt"]
    parts = {
        about.name: tuple(value for one in loaded for value in getattr(one, about.name))
        for about in fields(Results)
        if about.name in ("studies", "failed", "damaged", "conflicts")
    }
    return Results(
        trials=trials,
        epochs=frames["epochs"][frames["epochs"]["attempt"].isin(kept)].reset_index(drop=True),
        layers=frames["layers"][frames["layers"]["attempt"].isin(kept)].reset_index(drop=True),
        plan=frames["plan"].drop_duplicates().reset_index(drop=True),
        superseded=sum(one.superseded for one in loaded),
        **parts,
    )
