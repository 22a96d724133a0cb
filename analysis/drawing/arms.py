"""Arms: a method with its own fields, such as a density, as rows below each other."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import pandas as pd

from analysis.cells import (
    BASELINE,
    LINEAR,
    METHOD_ONLY,
    label,
    panel_fields,
    sort,
    varied_within,
)
from analysis.drawing.limits import ENDLESS, Limits, completed, view
from analysis.drawing.marks import marks_of
from analysis.drawing.panels import Panel, panels
from analysis.drawing.rows import Slot
from analysis.numbers import span
from analysis.tables import Results, computed_once
from studies.trial import FIELDS


def arm_fields(results: Results) -> list[str]:
    """Return the fields of the methods alone that vary within a method, such as `density`."""
    return [name for name in panel_fields(results) if name in METHOD_ONLY]


def other_fields(results: Results) -> list[str]:
    """Return the other fields that vary within a method: each combination is a panel."""
    return panel_fields(results, without=METHOD_ONLY)


def arms(results: Results, rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the rows of each arm with its name: the method, and its own fields that vary.

    Such as ``edge-popup, density 0.3``, in the order of display.
    """
    fields = arm_fields(results)
    varied = varied_within(results)
    named = []
    ranked = sort(results, rows, ["method", *fields])
    for (method, *values), part in ranked.groupby(["method", *fields], sort=False):
        own = {
            name: value
            for name, value in zip(fields, values, strict=True)
            if method in varied[name]
        }
        named.append((", ".join(filter(None, [str(method), label(own)])), part))
    return named


@computed_once  # many figures need them
def shown_arms(results: Results) -> Mapping[str, Mapping[str, Hashable]]:
    """Return the arm that stands for each method with several, where a figure has room for one.

    It is the one at the defaults of its fields, or else the one with the highest mean validation
    accuracy.

    Returns:
        By method: the fields that vary within it, with their values.
    """
    fields = arm_fields(results)
    varied = varied_within(results)
    chosen = {}
    for method, rows in results.trials.groupby("method", sort=False):
        own = [name for name in fields if method in varied[name]]
        if own:
            means = rows.groupby(own)["validation_accuracy"].mean().fillna(-1.0)
            keys = list(means.index.to_frame().itertuples(index=False, name=None))
            defaults = tuple(FIELDS[name].default for name in own)
            key = defaults if defaults in keys else keys[int(means.to_numpy().argmax())]
            chosen[str(method)] = dict(zip(own, key, strict=True))
    return chosen


def one_arm_each(results: Results, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows above the floor without those arms that `shown_arms` does not choose.

    Args:
        results: the study.
        frame: rows with `method`, `network` (which `above_floor` reads) and the fields in which
            cells differ.
    """
    kept = pd.Series(data=True, index=frame.index)
    for method, values in shown_arms(results).items():
        for name, value in values.items():
            kept &= (frame["method"] != method) | (frame[name] == value)
    return above_floor(results, frame[kept])


def chosen_arms(results: Results) -> str:
    """Return the sentence on the methods of which `one_arm_each` keeps one arm only, or ""."""
    arms_of = shown_arms(results).items()
    names = [f"{method}, {label(dict(values))}" for method, values in arms_of]
    if not names:
        return ""
    return (
        f"Of several values one is shown, the default or the best by validation accuracy: "
        f"{'; '.join(names)}."
    )


def arm_panels(results: Results, rows: pd.DataFrame) -> list[Panel]:
    """Return a panel for each combination of the fields that do not belong to methods alone."""
    return panels(results, rows, other_fields(results))


def floor(results: Results) -> str:
    """Return the sentence on the dense training that `above_floor` leaves out, or ""."""
    trials = results.trials
    left_out = trials.loc[trials.index.difference(above_floor(results, trials).index)]
    if left_out.empty:
        return ""
    reached = span(left_out.groupby("dataset")["test_accuracy"].mean(), 2)
    return f"Softmax regression, which is not shown, reaches {reached}%."


def above_floor(results: Results, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without the floor: dense training of a network without a hidden layer.

    A panel of its own beside other networks would be empty but for it. `floor` says what it
    reaches. All rows are returned where there is nothing else, or other methods train that network
    too.

    Args:
        results: the study.
        rows: rows with `network`, even where only one network was trained.
    """
    trials = results.trials
    on_it = trials["network"] == LINEAR
    if on_it.all() or not on_it.any() or not (trials.loc[on_it, "method"] == BASELINE).all():
        return rows
    others = rows["network"] != LINEAR
    return rows[others] if others.any() else rows


def columns_for_arms(results: Results, value: str) -> list[str]:
    """Return the columns of trials that arms need with this value; all others cost time."""
    return ["method", "seed", "outcome", *panel_fields(results), value]


def arm_rows(
    results: Results, rows: pd.DataFrame, value: str
) -> list[tuple[str, tuple[Slot, ...]]]:
    """Return the title of each panel, and a row for each of its arms, in percent or points.

    Args:
        results: the study.
        rows: a row per trial with its fields and the value, which is not nan.
        value: a column of fractions.
    """
    return [
        (
            panel.title,
            tuple(Slot(n, tuple(marks_of(of, value))) for n, of in arms(results, panel.rows)),
        )
        for panel in arm_panels(results, rows)
    ]


def dense_lines(slots: Iterable[Slot]) -> tuple[tuple[float, str], ...]:
    """Return the lines across a panel at the means of dense training, as the guides of a `Side`."""
    return tuple((m.mean, "dense") for slot in slots for m in slot.marks if m.method == BASELINE)


def arm_view(
    results: Results,
    rows: pd.DataFrame,
    value: str,
    *,
    include: Sequence[float] = (),
    within: Limits = ENDLESS,
) -> Limits:
    """Return limits for the completed trials of all panels, in percent or points."""
    sound = arm_rows(results, completed(rows), value)
    marks = [mark for _, slots in sound for slot in slots for mark in slot.marks]
    return view(marks, include=include, within=within)
