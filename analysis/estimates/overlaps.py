"""How far the masks of two trainings of one network agree, by what the trainings differ in.

Two trials with the same weight seed that differ in one thing alone (the seed of the scores, the
seed of the data order, rounding, or the method) have the same connections with the same weights.
So their masks can be compared connection by connection.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.cells import ordered, varying
from analysis.statistics.overlap import counts, overlap
from analysis.tables import Results, computed_once
from studies.trial import SETTABLE

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
    compared = []
    for _, group in rows.groupby([n for n in SETTABLE if n not in _DIFFERING], sort=False):
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
        for layer, (name, table) in layers.items():
            measured = overlap(table)
            yield {
                "kind": kind,
                "methods": methods,
                "layer": layer,
                "layer_name": name,
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
    for attempt, layer, bits, shape, name in columns:
        masks.setdefault(attempt, {})[layer] = (bits, int(np.prod(shape)), name)
    return dict(masks)


def _unpack(layer: tuple[bytes, int, str]) -> NDArray[np.bool_]:
    """Return which connections of a layer are changed, bool [connections]."""
    bits, size, _ = layer
    changed: NDArray[np.bool_] = np.unpackbits(np.frombuffer(bits, np.uint8), count=size) == 0
    return changed
