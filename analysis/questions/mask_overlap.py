"""Do two trainings end with the same mask? How far masks agree, by what the trainings differ in.

Two trials with the same weight seed that differ in one thing alone (the seed of the scores, the
seed of the data order, rounding, or the method) have the same connections with the same weights.
So their masks can be compared connection by connection.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import ordered, varying
from analysis.drawing import NothingToDraw
from analysis.drawing.limits import Limits, padded
from analysis.drawing.lines import LinePanel, Lines, LineSide, layer_panel, lines_over
from analysis.drawing.notes import seeds, sentences
from analysis.drawing.panels import Panel, panels
from analysis.drawing.style import Style, styles
from analysis.estimates import pairing
from analysis.estimates.intervals import grouped
from analysis.estimates.pairing import contrast
from analysis.numbers import number
from analysis.questions._finding import (
    Entry,
    Finding,
    difference,
    headings,
    level,
    percent,
    seed_count,
    table_rows,
)
from analysis.statistics.overlap import counts, overlap
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

ORDER = 70
QUESTION = "mask_overlap"
TITLE = "Overlap of what two masks change, corrected for chance"
CAPTION = (
    "How far two trainings on the same weights that differ in one thing prune or flip the same "
    "connections: the Jaccard index of the two sets, corrected for chance. 0%: as expected of "
    "random masks of the same sizes in each layer. 100%: the same connections. Grey lines: the "
    "overlap of trainings that differ in rounding alone; an overlap near the grey line shows no "
    "effect of scores, data order or method. Right of the vertical line: all layers together, with "
    "chance computed within each layer."
)
#: What two trials of a pair may differ in, and its field.
KINDS = {
    "rounding alone": "rounding",
    "data order": "order_seed",
    "scores": "score_seed",
    "method": "method",
}
#: Stand in `layer` and `layer_name` for all layers together.
ALL, ALL_NAME = -1, "all layers"
_DIFFERING = tuple(KINDS.values())
_MEASURES = ("overlap", "jaccard", "chance")

#: The layers of a mask by number: the mask's bits, the number of connections, the name.
Mask = Mapping[int, tuple[bytes, int, str]]
_NOISE = "rounding alone"
_WORDS = {
    _NOISE: "images of a batch summed in another order",
    "data order": "trained in another data order",
    "scores": "trained from other scores",
    "method": "trained on the same weights, scores and data order",
}
#: Their colours are distinct with any of the common colour blindnesses.
_STYLES = {
    "rounding alone": Style("#777777", "D", "-"),
    "data order": Style("#0072b2", "s", "-"),
    "scores": Style("#d55e00", "o", "-"),
}
#: The view does not reach lower, in percent, even if intervals do.
_LOWEST = -30.0


@computed_once  # a figure and a section of the report need them
def overlaps(results: Results) -> pd.DataFrame:
    """Return the chance-corrected overlap of what final masks change, per weight seed.

    Only completed trials that change a connection count. Pairs with the same weight seed are not
    independent of each other, so they are averaged here, and intervals are over seeds. Only the
    masks of one group of trials to compare are in memory at a time, packed.

    Returns:
        A row per combination of fields, kind of pair, layer and seed: the fields in which cells
        differ; kind, one of `KINDS`; methods, the method or the two methods; layer and layer_name
        of each layer and of `ALL` together; seed; overlap, jaccard and chance as in
        `analysis.statistics.overlap.Overlap`; pairs, their number. No row if no masks are kept.
    """
    trials = results.trials
    kept = trials["masks_parts"].map(lambda parts: parts is not None and len(parts) > 0)
    rows = trials[kept & (trials["outcome"] == "completed") & (trials["changed"] > 0)]
    by = [name for name in varying(results) if name not in _DIFFERING]
    keys = [*by, "kind", "methods", "layer", "layer_name", "seed"]
    if rows.empty:
        return pd.DataFrame(columns=[*keys, *_MEASURES, "pairs"])
    compared = []
    (same,) = pairing.keys(rows, on=[n for n in SETTABLE if n not in _DIFFERING])
    for _, group in rows.groupby(same, sort=False):
        pairs = list(_pairs(results, group))
        if pairs:
            common = group.iloc[0][[*by, "seed"]].to_dict()
            compared += [common | row for row in _compared(results, pairs)]
    table = pd.DataFrame(compared, columns=[*keys, *_MEASURES])
    groups = table.groupby(keys, sort=False)
    means = groups[list(_MEASURES)].mean().assign(pairs=groups.size()).reset_index()
    return means.sort_values(["layer"], kind="stable", ignore_index=True)


def _pairs(results: Results, group: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    """Yield pairs that differ in one thing alone: its kind, their methods, the two attempts."""
    place = {method: rank for rank, method in enumerate(ordered(results, "method"))}
    records = group[["attempt", *_DIFFERING]].to_dict("records")
    records.sort(key=lambda row: place[row["method"]])
    for one, other in combinations(records, 2):
        apart = [kind for kind, name in KINDS.items() if one[name] != other[name]]
        if len(apart) == 1:
            methods = ", ".join(dict.fromkeys((one["method"], other["method"])))
            yield apart[0], methods, one["attempt"], other["attempt"]


def _compared(
    results: Results, pairs: Sequence[tuple[str, str, str, str]]
) -> Iterator[dict[str, object]]:
    """Yield the overlap of each pair in each layer and in all layers together."""
    masks = _masks(results, {attempt for pair in pairs for attempt in pair[2:]})
    for kind, methods, one, other in pairs:
        first, second = masks[one], masks[other]
        tables = {n: counts(_unpack(first[n]), _unpack(second[n])) for n in first}
        layers = {n: (first[n][2], table) for n, table in tables.items()}
        layers[ALL] = (ALL_NAME, np.stack(list(tables.values())))
        for layer, (layer_name, table) in layers.items():
            measured = overlap(table)
            yield {
                "kind": kind,
                "methods": methods,
                "layer": layer,
                "layer_name": layer_name,
                "overlap": measured.corrected,
                "jaccard": measured.jaccard,
                "chance": measured.chance,
            }


def _masks(results: Results, attempts: set[str]) -> dict[str, Mask]:
    """Return the final masks of these attempts."""
    names = ", ".join(f"'{attempt}'" for attempt in sorted(attempts))  # our own hexadecimal names
    rows = results.final_masks.filter(f"attempt IN ({names})").order("attempt, layer")
    masks: dict[str, dict[int, tuple[bytes, int, str]]] = {}
    columns = rows.project("attempt, layer, kept, shape, layer_name").fetchall()
    for attempt, layer, bits, shape, layer_name in columns:
        masks.setdefault(attempt, {})[layer] = (bits, int(np.prod(shape)), layer_name)
    return dict(masks)


def _unpack(layer: tuple[bytes, int, str]) -> NDArray[np.bool_]:
    """Return which connections of a layer are changed, bool [connections]."""
    bits, size, _ = layer
    changed: NDArray[np.bool_] = np.unpackbits(np.frombuffer(bits, np.uint8), count=size) == 0
    return changed


def summarise(results: Results) -> Lines:
    """Return the overlap in percent per layer, by what the two trainings differ in."""
    table = overlaps(results)
    if table["overlap"].notna().sum() == 0:
        raise NothingToDraw("No two masks of the same weights are kept.")
    keys = [field for field in varying(results) if field in table]
    means = grouped(table, [*keys, "kind", "methods", "layer", "layer_name"], "overlap")
    last = means["layer"].max() + 1
    means = means.assign(layer=means["layer"].where(means["layer"] != ALL, last))
    is_pair = means["kind"] == "method"
    marked = means.assign(
        method=means["kind"].where(~is_pair, means["methods"]),
        panel=means["methods"].where(~is_pair, "methods compared with each other"),
    )
    names = list(dict.fromkeys(marked["method"]))
    pairs = styles([methods for methods in names if "," in methods])
    marks = {kind: style for kind, style in _STYLES.items() if kind in names} | pairs
    low, high = padded(min(0.0, float(means[["mean", "low"]].min().min()) * 100), 100.0)
    limits = max(low, _LOWEST), high
    split = [part for place in panels(results, marked, keys) for part in _by_method(place)]
    drawn = tuple(_panel(part, limits, list(marks), last) for part in split)
    note = sentences(
        seeds(means["n"], "bar"),
        "Pairs with the same weight seed are averaged first.",
        "Black line: chance.",
        "Grey lines: rounding alone." if _NOISE in marks else "",
    )
    return Lines(drawn, marks, note)


def _by_method(panel: Panel) -> list[Panel]:
    """Split a panel by method; the panel of pairs of methods comes last."""
    rows = panel.rows.sort_values("kind", key=_last, kind="stable")
    return [
        Panel(", ".join(filter(None, [str(methods), panel.title])), part)
        for methods, part in rows.groupby("panel", sort=False)
    ]


def _panel(panel: Panel, limits: Limits, marks: list[str], last: int) -> LinePanel:
    """Return the overlaps per layer, with a level per layer for rounding alone."""
    noise = panel.rows[panel.rows["kind"] == _NOISE]
    side = LineSide(
        "",
        "overlap beyond chance (%)",
        limits,
        lines_over(panel.rows, "layer", marks),
        guides=((0.0, "zero"),),
        levels=tuple(zip(map(float, noise["layer"]), noise["mean"] * 100, strict=True)),
    )
    return replace(layer_panel(panel.title, (side,), panel.rows), divider=float(last))


def find(results: Results) -> Finding | None:
    """Return how far masks of the same weights agree, by what their trainings differ in."""
    table = overlaps(results)
    if table["overlap"].notna().sum() == 0:
        return None
    by = [field for field in varying(results) if field in table]
    whole = table[table["layer"] == ALL].sort_values("kind", key=_last, kind="stable")
    keys = [*by, "methods", "kind"]
    means = grouped(whole, keys, "overlap")
    texts = [
        _sentence(str(methods), str(kind), rows, whole[whole["methods"] == methods], by)
        for (methods, kind), rows in means.groupby(["methods", "kind"], sort=False)
    ]
    rows = table_rows(
        by,
        ("methods", "kind"),
        (means, percent),
        (grouped(whole, keys, "jaccard"), _mean),
        (grouped(whole, keys, "chance"), _mean),
        (means, seed_count),
    )
    columns = ("methods", "differ in", "overlap beyond chance, %", "Jaccard, %", "by chance, %")
    return Finding(
        tuple(texts),
        (*headings(by), *columns, "seeds"),
        rows,
        "All layers together; chance is computed within each layer. 0%: no more overlap than "
        "random masks that change as many connections of each layer. 100%: the same connections. "
        "Trainings that differ in rounding alone make the same choices, so their overlap is the "
        "highest that can be expected.",
    )


def _mean(row: pd.Series) -> Entry:
    """Return an entry with a mean in percent, without its interval."""
    return Entry(number(row["mean"] * 100, 1), float(row["mean"]))


def _last(kinds: pd.Series) -> "pd.Series[bool]":
    """Return the sorting key that puts pairs of methods after the methods themselves."""
    return kinds == "method"


def _sentence(
    methods: str, kind: str, means: pd.DataFrame, rows: pd.DataFrame, by: list[str]
) -> str:
    """Return the sentence on one kind of pairs: their overlap, compared with rounding alone."""
    text = f"{methods}, {_WORDS[kind]}: {level(means)} overlap beyond chance"
    noise = contrast(rows, [*by, "seed"], "kind", kind, _NOISE, "overlap")
    if kind == _NOISE or noise.empty:
        return f"{text}."
    change = grouped(noise, by, "difference")
    return f"{text}, {difference(change)} compared with rounding alone."
