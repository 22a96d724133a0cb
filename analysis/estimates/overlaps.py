"""What makes two trainings of one network end with different masks, and how different they are.

Two trials of one weight seed that differ in a single thing, be it the seed of the scores, that of
the data's order, rounding, or the method, have the same connections with the same weights: their
masks can be held against each other connection by connection.
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

#: What two trials of a pair may differ in, and the field of it.
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

#: Of each layer by its number: the mask's bits, how many connections it has, its name.
Mask = Mapping[int, tuple[bytes, int, str]]


@computed_once  # a figure and a section of the report ask for them
def overlaps(results: Results) -> pd.DataFrame:
    """The chance-corrected overlap of what final masks change, per weight seed.

    Of trials that were completed and change anything. The pairs of one weight seed are not
    independent of each other: they are averaged here, so that an interval is one over seeds. The
    masks of one seed and setting are held in memory at a time, packed.

    Returns:
        A row per setting, kind of pair, layer and seed: the fields that settings differ in;
        kind, of `KINDS`; methods, the method or the two; layer, layer_name, of each layer and
        `ALL` together; seed; overlap, jaccard and chance as `analysis.statistics.overlap.Overlap`
        has them; pairs, how many. No row where no masks are kept.
    """
    trials = results.trials
    kept = trials["masks_parts"].map(lambda parts: parts is not None and len(parts) > 0)
    rows = trials[kept & (trials["outcome"] == "completed") & (trials["changed"] > 0)]
    by = [name for name in varying(results) if name not in _DIFFERING]
    keys = [*by, "kind", "methods", "layer", "layer_name", "seed"]
    found = []
    for _, group in rows.groupby([n for n in SETTABLE if n not in _DIFFERING], sort=False):
        pairs = list(_pairs(results, group))
        if pairs:
            common = group.iloc[0][[*by, "seed"]].to_dict()
            found += [common | row for row in _compared(results, pairs)]
    table = pd.DataFrame(found, columns=[*keys, *_MEASURES])
    groups = table.groupby(keys, sort=False)
    means = groups[list(_MEASURES)].mean().assign(pairs=groups.size()).reset_index()
    return means.sort_values(["layer"], kind="stable", ignore_index=True)


def _pairs(results: Results, group: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    """Attempts that differ in one thing alone: its kind, their methods, the two attempts."""
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
    """The overlap of each pair in each layer and in all."""
    masks = _masks(results, {attempt for pair in pairs for attempt in pair[2:]})
    for kind, methods, one, other in pairs:
        first, second = masks[one], masks[other]
        tables = {n: counts(_unpack(first[n]), _unpack(second[n])) for n in first}
        every = {n: (first[n][2], table) for n, table in tables.items()}
        every[ALL] = (ALL_NAME, np.stack(list(tables.values())))
        for layer, (name, table) in every.items():
            about = overlap(table)
            yield {
                "kind": kind,
                "methods": methods,
                "layer": layer,
                "layer_name": name,
                "overlap": about.corrected,
                "jaccard": about.jaccard,
                "chance": about.chance,
            }


def _masks(results: Results, attempts: set[str]) -> dict[str, Mask]:
    """The final masks of some attempts."""
    wanted = ", ".join(f"'{attempt}'" for attempt in sorted(attempts))  # hexadecimal, of ours
    rows = results.final_masks.filter(f"attempt IN ({wanted})").order("attempt, layer")
    found: dict[str, dict[int, tuple[bytes, int, str]]] = {}
    columns = rows.project("attempt, layer, kept, shape, layer_name").fetchall()
    for attempt, layer, bits, shape, name in columns:
        found.setdefault(attempt, {})[layer] = (bits, int(np.prod(shape)), name)
    return dict(found)


def _unpack(layer: tuple[bytes, int, str]) -> NDArray[np.bool_]:
    """Which connections of a layer are changed, bool [connections]."""
    bits, size, _ = layer
    changed: NDArray[np.bool_] = np.unpackbits(np.frombuffer(bits, np.uint8), count=size) == 0
    return changed
