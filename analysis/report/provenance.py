"""Where a study's results come from, as headings with their texts."""

import pandas as pd

from analysis.tables import Results

_UNKNOWN = "not recorded"


def provenance(results: Results) -> list[tuple[str, str]]:
    """Return what ran, on which machines and when; machines are counted, never named.

    Returns:
        Headings with their texts; a text lists all values that occur.
    """
    trials = results.trials
    if trials.empty:
        return []
    fingerprints = trials[["dataset", "dataset_fingerprint"]].drop_duplicates()
    first, last = trials["finished_at"].min(), trials["finished_at"].max()
    return [
        ("Versions", _values(trials["versions"])),
        ("Engine", _values(trials["engine"])),
        ("Device", _values(trials["device"])),
        ("Threads per trial", _values(trials["threads"])),
        ("Machines", str(trials["host"].nunique())),
        ("Commit", _values(trials["commit"])),
        (
            "Data sets (fingerprint)",
            "; ".join(f"{name} ({mark})" for name, mark in fingerprints.itertuples(index=False)),
        ),
        ("Core hours", f"{(trials['seconds'] * trials['threads']).sum() / 3600:.2f}"),
        ("Wall hours", f"{wall_seconds(trials) / 3600:.2f} with at least one trial running"),
        ("Trials finished", f"{_minute(first)} to {_minute(last)} UTC"),
        ("Definitions", "; ".join(f"{s.name} {s.definition_hash}" for s in results.studies)),
    ]


def wall_seconds(trials: pd.DataFrame) -> float:
    """Return the seconds in which at least one trial ran; pauses between runs do not count."""
    ends = trials["finished_at"].astype("int64") / 1e6  # microseconds
    spans = pd.DataFrame({"start": ends - trials["seconds"], "end": ends}).sort_values("start")
    covered = spans["end"].cummax().shift(fill_value=-float("inf"))
    return float((spans["end"] - spans["start"].clip(lower=covered)).clip(lower=0).sum())


def _values(column: pd.Series) -> str:
    """Return the different values of a column, in order of appearance."""
    return "; ".join(str(v) for v in column.fillna(_UNKNOWN).drop_duplicates())


def _minute(moment: pd.Timestamp) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")
