"""How many connections can still affect the output, per layer and against what a study varies?"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from analysis.cells import BASELINE, heading, label, methods_in, panel_fields, shown, sort, varying
from analysis.drawing import NothingToDraw
from analysis.drawing.arms import above_floor
from analysis.drawing.limits import Limits, padded
from analysis.drawing.lines import (
    LinePanel,
    Lines,
    LineSide,
    layer_panel,
    lines_over,
    ticks,
)
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.sides import seeds_of
from analysis.drawing.sweeps import AXES
from analysis.estimates.intervals import grouped
from analysis.estimates.one_factor import one_at_a_time
from analysis.estimates.pairing import contrast
from analysis.estimates.sizes import MEASURES, VARIED, sizes, sizes_per_layer
from analysis.questions._finding import (
    Finding,
    difference,
    headings,
    level,
    percent,
    seed_count,
    table_rows,
)
from analysis.tables import Results

ORDER = 75
QUESTION = "size"
TITLE = "Effective size: connections that can affect the output"
CAPTION = (
    "After the last epoch. Left: connected, kept or flipped connections on a path of such "
    "connections from a pixel to a class, so without dead units and paths. Middle: live, "
    "connections that can move the output for some training image. Right: the fraction of live "
    "connections that are pruned or flipped. If these fractions depend on where the scores start "
    "or on the length of training, they are not a property of the task alone."
)
#: The columns of axes: a measure with its label.
_UP = {
    "connected_share": "connected (% of all)",
    "live_share": "live (% of all)",
    "live_changed_share": "changed (% of live)",
}
_ACROSS = AXES | {"width": "width", "epochs": "epochs"}  # short: axes stand beside each other
_WORDS = {
    "connected_share": "connected",
    "live_share": "live",
    "live_changed_share": "changed among live connections",
}


def summarise(results: Results) -> Lines:
    """Return the fractions of connected, of live and of changed live connections in percent.

    The first panel has them per layer; each further one has them against a varied field.
    """
    trials = above_floor(results, sizes(results))
    if trials.empty:
        raise NothingToDraw("No trial has recorded its connected and live connections.")
    others = panel_fields(results, without=VARIED)
    rows, one_of = _first(results, trials, others)
    axes_of = one_at_a_time(rows, VARIED)
    varied = [axis for axis, _ in axes_of]
    place = _reference(rows, axes_of)
    layered = sizes_per_layer(results)
    layered = layered[layered["attempt"].isin(place["attempt"])]
    styles = styles_of(results, rows)
    tables = [_means(layered, ["layer", "layer_name", "method"])]
    tables += [_means(along, [axis, "method"]) for axis, along in axes_of]
    methods = {measure: _methods(measure, styles) for measure in _UP}
    measures = [measure for measure in _UP if methods[measure]]
    limits = {
        measure: _view([t[measure] for t in tables], methods[measure]) for measure in measures
    }
    sides = [
        tuple(
            LineSide("", _UP[m], limits[m], lines_over(table[m], axis, methods[m]))
            for m in measures
        )
        for axis, table in zip(("layer", *varied), tables, strict=True)
    ]
    drawn = [layer_panel(_fixed("per layer", place, varied), sides[0], layered)]
    for (axis, along), of_axis in zip(axes_of, sides[1:], strict=True):
        title = _fixed("all layers", along, varied)
        drawn.append(LinePanel(title, of_axis, _ACROSS[axis], ticks(along[axis])))
    note = sentences(seeds_of(drawn), one_of, diverged_or_dead(results.trials))
    return Lines(tuple(drawn), styles, note, height=2.5)


def _first(results: Results, rows: pd.DataFrame, others: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Return the rows at the values of the other fields with the most methods, and a note."""
    if not others:
        return rows, ""
    groups = list(sort(results, rows, others).groupby(list(others), sort=False))
    key, first = max(groups, key=lambda group: group[1]["method"].nunique())
    if len(groups) == 1:
        return first, ""
    name = label(dict(zip(others, key, strict=True)))
    return first, f"Shown: {name}, one of {len(groups)} combinations; the report's table has all."


def _reference(rows: pd.DataFrame, axes_of: Sequence[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Return the rows at the values of the varied fields that most of the lines share."""
    along = pd.concat([rows, *(line for _, line in axes_of)])
    counts = along.groupby(list(VARIED), sort=False)["attempt"].transform("size")
    shared = along.iloc[int(counts.to_numpy().argmax())]
    return rows[(rows[list(VARIED)] == shared[list(VARIED)]).all(axis=1)]


def _fixed(name: str, rows: pd.DataFrame, varied: Sequence[str]) -> str:
    """Return a panel's title: its name and the values of the varied fields that it holds fixed."""
    fixed: dict[str, object] = {n: rows[n].iloc[0] for n in varied if rows[n].nunique() == 1}
    return ": ".join(filter(None, [name, label(fixed)]))


def _means(rows: pd.DataFrame, by: Sequence[str]) -> dict[str, pd.DataFrame]:
    return {measure: grouped(rows, by, measure) for measure in _UP}


def _methods(measure: str, styles: Iterable[str]) -> list[str]:
    """Return the methods that have the measure: dense training changes no connection."""
    is_change = measure == "live_changed_share"
    return [name for name in styles if not (is_change and name == BASELINE)]


def _view(tables: Sequence[pd.DataFrame], methods: Sequence[str]) -> Limits:
    means = pd.concat(tables)
    means = means[means["method"].isin(methods)]
    return padded(0, min(float(means[["mean", "high"]].max().max()) * 100, 100.0))


def find(results: Results) -> Finding | None:
    """Return the effective size, and how it depends on what the study varies."""
    by = varying(results)
    trials = sort(results, above_floor(results, sizes(results)), by)
    if trials.empty:
        return None
    methods = methods_in(results, trials)
    tables = {measure: grouped(trials, by, measure) for measure in MEASURES}
    texts = [_level(tables, method) for method in methods]
    texts += [
        text
        for method in methods
        for axis, rows in one_at_a_time(trials[trials["method"] == method], VARIED)
        for text in _along(by, method, axis, rows)
    ]
    measured = [(table, percent) for table in tables.values()]
    return Finding(
        tuple(texts),
        (*headings(by), "connected, %", "live, %", "changed among live, %", "seeds"),
        table_rows(by, (), *measured, (tables["connected_share"], seed_count)),
        "Connected: on a path of kept or flipped connections from a pixel to a class, in percent "
        "of all connections. Live: connections that can move the output for some training image. "
        "How many connections are changed depends strongly on where the scores start, and so may "
        "the number that is left: an effective size depends on the training, not on the task "
        "alone.",
    )


def _level(tables: Mapping[str, pd.DataFrame], method: str) -> str:
    known = {name: t[(t["method"] == method) & t["mean"].notna()] for name, t in tables.items()}
    levels = [f"{level(known[name])} {words}" for name, words in _WORDS.items() if len(known[name])]
    return f"{method}: {', '.join(levels)}."


def _along(by: list[str], method: str, axis: str, rows: pd.DataFrame) -> list[str]:
    """Return how the connected fraction changes from one end of an axis to the other."""
    first, last = sorted(rows[axis].unique())[:: rows[axis].nunique() - 1]
    same = [field for field in by if field != axis]
    pairs = contrast(rows, [*same, "seed"], axis, last, first, "connected_share")
    change = grouped(pairs, same, "difference")
    ends = f"{shown(axis, first)} to {shown(axis, last)}"
    return [f"{method}, {heading(axis)} from {ends}: connected {difference(change)}."]
