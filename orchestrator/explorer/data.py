"""What the page of `untuned explore` shows; all estimates are those of `analysis`."""

import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import CELL, heading, label, ordered, sort, varied_within, varying
from analysis.estimates.intervals import grouped
from analysis.numbers import many
from analysis.tables import Results
from orchestrator.cli._filters import Condition
from studies.schemas import CONTROLS, FIGURES
from studies.trial import SETTABLE, Trial

#: Figures of each epoch, and of a trial's end.
EPOCH_FIGURES = (*FIGURES, "train_seconds", "evaluation_seconds")
FINAL_FIGURES = (*FIGURES, *CONTROLS, "last_epoch", "multiply_adds", "seconds", "peak_memory")
#: Figures whose names end so are fractions, shown in percent.
_PERCENT = ("accuracy", "changed")
#: More groups cannot be told apart; the page says how many are left out.
MOST_GROUPS = 24
#: More single trials are not drawn: a browser would need a second for them.
MOST_POINTS = 500
#: Groups that the page begins with, at most.
_FEW_GROUPS = 12
#: Blocks of a drawn mask in each direction, at most.
_BLOCKS = 64


@dataclass(frozen=True)
class Choice:
    """What the user has chosen.

    Attributes:
        figure: the column that is shown, of `EPOCH_FIGURES` or `FINAL_FIGURES`.
        groups: the fields that make the groups; none puts all trials into one.
        only: for each field the values that trials may have; without values, any.
        where: conditions as `untuned results --where` takes them, separated by semicolons.
    """

    figure: str
    groups: tuple[str, ...] = ()
    only: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    where: str = ""


@dataclass(frozen=True)
class Group:
    """Means over seeds of one group.

    Attributes:
        name: its fields in words.
        key: the values of the fields that make the groups.
        x: the epochs; empty for figures of the end.
        mean: the means, in the unit of display.
        low: lower ends of the 95% t intervals; nan without one.
        high: their upper ends.
        n: the numbers of seeds.
        trials: ids and values of the trials at the end; empty for curves.
    """

    name: str
    key: tuple[Any, ...]
    x: list[int]
    mean: list[float]
    low: list[float]
    high: list[float]
    n: list[int]
    trials: list[tuple[str, float]]


@dataclass(frozen=True)
class Summary:
    """What a figure of the page shows.

    Attributes:
        groups: the groups in the order of display.
        notes: sentences on what is left out.
    """

    groups: list[Group]
    notes: list[str]


@dataclass(frozen=True)
class Mask:
    """The final mask of a layer.

    Attributes:
        name: the layer.
        kept: the fraction of its connections that are kept.
        shares: the fraction kept in each block, [rows, columns]: of pixels for a layer that sees a
            square image, else of outputs and inputs.
        pixels: whether it is of pixels.
    """

    name: str
    kept: float
    shares: NDArray[np.float64]
    pixels: bool


class Live:
    """Results that may be read again while a study runs.

    The server answers in threads, and results and DuckDB serve one at a time: use `lock` around
    whatever reads them.

    Args:
        read: reads them.

    Attributes:
        lock: held while results are read or used.
        results: as they were read last.
        version: how often they have changed.
    """

    def __init__(self, read: Callable[[], Results]) -> None:
        self.lock = threading.RLock()
        self._read, self.results, self.version = read, read(), 0
        self._epochs: dict[str, pd.DataFrame] = {}

    def refresh(self) -> bool:
        """Read the results again; return whether they have changed."""
        with self.lock:
            now = self._read()
            before, self.results = self.results, now
            self._epochs.clear()
            changed = _signature(before) != _signature(now)
            self.version += changed
            return changed

    def epochs(self, figure: str) -> pd.DataFrame:
        """Return a row per trial and epoch with `attempt`, `epoch` and a figure."""
        if figure not in self._epochs:
            query = f"SELECT attempt, epoch, {figure} FROM epochs"  # noqa: S608  (a known column)
            self._epochs[figure] = self.results.query(query).df()
        return self._epochs[figure]


def fields(results: Results) -> list[str]:
    """Return the fields in which trials differ, the seed not among them; `method` comes first."""
    *others, method = varying(results)
    return [method, *others]


def figures(results: Results) -> list[str]:
    """Return the figures that some trial has."""
    every = dict.fromkeys([*FINAL_FIGURES, *EPOCH_FIGURES])
    return [
        name for name in every if name not in results.trials or results.trials[name].notna().any()
    ]


def first_groups(results: Results) -> list[str]:
    """Return the fields that make the groups to begin with: all that differ, unless too many."""
    names = fields(results)
    few = len(results.trials[names].drop_duplicates()) <= _FEW_GROUPS
    return names if few else ["method"]


def values(results: Results, name: str) -> list[Any]:
    """Return a field's values in the order of display."""
    present = set(results.trials[name])
    return [value for value in ordered(results, name) if value in present]


def title(figure: str) -> str:
    """Return a figure's name with its unit."""
    unit = "%" if figure.endswith(_PERCENT) else "s" if figure.endswith("seconds") else ""
    return f"{heading(figure)} ({unit})" if unit else heading(figure)


def scale(figure: str) -> float:
    """Return the factor from a figure as it is recorded to that which is shown."""
    return 100.0 if figure.endswith(_PERCENT) else 1.0


def progress(results: Results) -> str:
    """Return how many trials are finished, in a sentence."""
    outcomes = results.trials["outcome"].value_counts()
    lost = [f"{outcomes[name]} {name}" for name in ("diverged", "dead") if name in outcomes]
    parts = [f"{results.finished:,} of {results.planned:,} planned trials finished", *lost]
    if len(results.failed):
        parts.append(f"{many(len(results.failed), 'trial')} failed")
    if len(results.tuning):
        parts.append(f"{len(results.tuning):,} on tuning seeds, which are not shown")
    return ", ".join(parts) + "."


def chosen_trials(results: Results, choice: Choice) -> pd.DataFrame:
    """Return the rows of `trials` that the filters leave.

    Raises:
        UserError: a condition cannot be understood.
    """
    rows = results.trials
    for name, allowed in choice.only.items():
        if allowed:
            rows = rows[rows[name].isin(list(allowed))]
    for text in filter(str.strip, choice.where.split(";")):
        rows = rows[Condition.of(text).holds(rows)]
    return rows


def curves(live: Live, trials: pd.DataFrame, choice: Choice) -> Summary | None:
    """Return the means of each group after each epoch; None if the figure is only of the end."""
    if choice.figure not in EPOCH_FIGURES:
        return None
    wanted = trials[["attempt", *CELL, "seed"]]
    rows = live.epochs(choice.figure).merge(wanted, on="attempt")
    return _summary(live.results, rows, choice, ["epoch"])


def finals(results: Results, trials: pd.DataFrame, choice: Choice) -> Summary | None:
    """Return the means of each group at the end; None if the figure is only of epochs."""
    if choice.figure not in FINAL_FIGURES:
        return None
    return _summary(results, trials, choice, [])


def _summary(results: Results, rows: pd.DataFrame, choice: Choice, along: list[str]) -> Summary:
    """Return the means of each group, along some further columns.

    A group that has several cells is a mean over them for each seed, and then over seeds: only
    seeds with all of its cells count.
    """
    by, value = list(choice.groups), choice.figure
    rows = rows.assign(_all=0)
    keys = by or ["_all"]
    cell = rows.groupby(list(CELL), sort=False, dropna=False).ngroup()
    rows = rows.assign(_cell=cell)
    cells = rows.groupby([*keys, *along], sort=False)["_cell"].nunique().rename("_cells")
    of_seed = rows.groupby([*keys, *along, "seed"], sort=False)[value]
    seeds = of_seed.agg(["mean", "size", "count"]).reset_index()
    seeds = seeds.merge(cells.reset_index(), on=[*keys, *along])
    seeds[value] = seeds["mean"].where(seeds["size"] == seeds["count"])
    whole = seeds[seeds["size"] == seeds["_cells"]]
    table = grouped(whole, [*keys, *along], value)
    of_group = table.groupby(keys, sort=False)
    order = _order(results, table, keys)
    factor = scale(value)
    few = len(rows) <= MOST_POINTS
    points = rows[[*keys, "trial_id", value]].dropna() if not along and few else None
    shown = []
    for key in order[:MOST_GROUPS]:
        part = of_group.get_group(key)
        its: list[tuple[str, float]] = []
        if points is not None:
            at = np.logical_and.reduce([points[k] == v for k, v in zip(keys, key, strict=True)])
            pairs = points[at][["trial_id", value]].itertuples(index=False)
            its = [(str(trial), float(number) * factor) for trial, number in pairs]
        if along:
            part = part.sort_values(along)
        mean, low, high = ((part[name] * factor).tolist() for name in ("mean", "low", "high"))
        x = part[along[0]].tolist() if along else []
        name = _name(results, dict(zip(by, key, strict=True)) if by else {})
        shown.append(Group(name, key, x, mean, low, high, part["n"].tolist(), its))
    notes = _notes(cells, seeds, len(order))
    if not along and not few:
        notes.append(f"Single trials are drawn for at most {MOST_POINTS}; filter to see them.")
    return Summary(shown, notes)


def _name(results: Results, values: dict[str, Any]) -> str:
    """Return a group in words; fields that do not vary within its method are left out."""
    if "method" in values:
        within = varied_within(results)
        method = values["method"]
        values = {k: v for k, v in values.items() if k == "method" or method in within[k]}
    return label(values) if values else "all trials"


def _order(results: Results, table: pd.DataFrame, keys: list[str]) -> list[tuple[Any, ...]]:
    unique = table[keys].drop_duplicates()
    if keys != ["_all"]:
        unique = sort(results, unique, keys)
    return [tuple(row) for row in unique.itertuples(index=False)]


def _notes(cells: "pd.Series[int]", seeds: pd.DataFrame, groups: int) -> list[str]:
    """Return sentences on what the means are of, and on what they leave out."""
    notes = []
    if len(cells) and cells.max() > 1:
        notes.append(
            f"Groups have up to {cells.max()} cells: means over them for each seed, then over "
            "seeds."
        )
    partial = seeds.loc[seeds["size"] < seeds["_cells"], "seed"].nunique()
    if partial:
        notes.append(
            f"{many(partial, 'seed')} without all cells of a group left out there; group by more "
            "fields to see them."
        )
    if groups > MOST_GROUPS:
        notes.append(f"{MOST_GROUPS} of {groups} groups shown; filter to see the others.")
    return notes


def table(results: Results, trials: pd.DataFrame, choice: Choice) -> list[dict[str, Any]]:
    """Return a row per trial for the page's table, with numbers in the unit of display."""
    names = [*fields(results), "seed", "outcome"]
    shown = list(dict.fromkeys(["test_accuracy", "changed", "seconds", choice.figure]))
    shown = [name for name in shown if name in trials]
    rows = trials[["trial_id", "study", *names]].copy()
    for name in shown:
        rows[name] = (trials[name].astype(float) * scale(name)).round(4)
    records = rows.to_dict("records")
    return [
        {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in r.items()}
        for r in records
    ]


@dataclass(frozen=True)
class TrialView:
    """A trial's row, and how it is run again.

    Attributes:
        trial_id: its id.
        study: its study.
        values: its fields that are not at their default, by name.
        row: its figures and where and how it ran, as text by name.
        command: the command that trains it again.
        masks: its final masks; empty if they were not kept.
    """

    trial_id: str
    study: str
    values: Mapping[str, Any]
    row: Mapping[str, str]
    command: str
    masks: Sequence[Mask]


#: Columns of `trials` that are only for programs that read Parquet.
_HIDDEN = {"test_correct", "trial", "trial_id", "study", "revisions", *SETTABLE}


def trial_view(results: Results, trial_id: str) -> TrialView | None:
    """Return a trial; None if it is not among the results."""
    from orchestrator.cli.show import train_command

    rows = results.trials[results.trials["trial_id"] == trial_id]
    if rows.empty:
        return None
    row = rows.iloc[0]
    configuration = json.loads(row["trial"])
    sources = {name: source for study in results.studies for name, source in study.data.items()}
    command = train_command(Trial.from_mapping(configuration), sources, row["engine"])
    shown = {
        str(name): _text(str(name), value)
        for name, value in row.items()
        if name not in _HIDDEN and not str(name).endswith("_parts") and _exists(value)
    }
    return TrialView(trial_id, row["study"], configuration, shown, command, _masks(results, row))


def _exists(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _text(name: str, value: Any) -> str:
    if isinstance(value, float) and name.endswith(_PERCENT):
        return f"{value * 100:.2f} %"
    if isinstance(value, pd.Timestamp):
        return value.isoformat(timespec="seconds")
    if isinstance(value, float) and name.endswith("seconds"):
        return f"{value:.2f} s"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _masks(results: Results, row: "pd.Series[Any]") -> list[Mask]:
    """Return the final masks of a trial, by layer; none if they were not kept."""
    parts = row.get("masks_parts")
    if parts is None or isinstance(parts, float) or not len(parts):
        return []
    kept = results.final_masks.filter(f"trial_id = '{row['trial_id']}'").order("layer")
    columns = kept.project("layer_name, shape, kept").fetchall()
    return [
        mask(name, shape, bits, first=number == 0)
        for number, (name, shape, bits) in enumerate(columns)
    ]


def mask(name: str, shape: Sequence[int], bits: bytes, *, first: bool = False) -> Mask:
    """Return a layer's mask in blocks.

    Args:
        name: the layer.
        shape: of its weights, [outputs, inputs, ...].
        bits: a bit per connection, 1 kept, packed as numpy.packbits does.
        first: whether the layer sees the pixels.
    """
    count = math.prod(shape)
    kept = np.unpackbits(np.frombuffer(bits, np.uint8), count=count).reshape(shape[0], -1)
    side = math.isqrt(kept.shape[1])
    pixels = first and len(shape) == 2 and side**2 == kept.shape[1]
    shares = kept.mean(axis=0).reshape(side, side) if pixels else _blocks(kept.astype(float))
    return Mask(name, float(kept.mean()), shares, pixels)


def _blocks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of at most `_BLOCKS` x `_BLOCKS` blocks of a matrix."""
    for axis in (0, 1):
        size = values.shape[axis]
        starts = np.unique(np.linspace(0, size, min(size, _BLOCKS), endpoint=False).astype(int))
        counts = np.diff([*starts, size])
        sums = np.add.reduceat(values, starts, axis=axis)
        values = sums / (counts[:, None] if axis == 0 else counts[None, :])
    return values


def _signature(results: Results) -> tuple[int, int, int, int]:
    attempts = results.trials["attempt"]
    return len(attempts), hash(tuple(attempts)), results.planned, len(results.failed)
