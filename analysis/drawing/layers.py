"""Means per layer of a network, drawn as marks side by side."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from analysis.drawing import percent
from analysis.drawing.style import Style

#: Layers of networks with more layers than this are labelled by number.
_NAMED = 12


def draw_layers(axes: Axes, rows: pd.DataFrame, shown: dict[str, Style], column: str) -> None:
    """Draw a mark with its interval per layer and value of a column, in percent.

    Args:
        axes: the panel's axes.
        rows: a row per layer and value: layer, layer_name, mean, low, high (fractions).
        shown: the column's values with their styles.
        column: the column, such as ``method``.
    """
    layers = rows[["layer", "layer_name"]].drop_duplicates("layer").sort_values("layer")
    shifts = np.linspace(-0.27, 0.27, len(shown)) if len(shown) > 1 else np.zeros(1)
    for shift, (value, style) in zip(shifts, shown.items(), strict=True):
        line = rows[rows[column] == value].sort_values("layer")
        mean, low, high = (percent(line[name]) for name in ("mean", "low", "high"))
        axes.errorbar(
            line["layer"] + shift,
            mean,
            yerr=[np.nan_to_num(mean - low), np.nan_to_num(high - mean)],
            fmt=style.marker,
            color=style.colour,
            markersize=7,
            markeredgecolor="white",
            elinewidth=1.6,
            capsize=2.5,
        )
    names, turned = layers["layer_name"].tolist(), 60 if len(layers) > 5 else 0
    if len(layers) > _NAMED:
        names, turned = [str(n + 1) if n % 3 == 0 else "" for n in layers["layer"]], 0
    axes.set_xticks(layers["layer"].to_numpy(), names, rotation=turned)
    axes.set_xlim(layers["layer"].min() - 0.5, layers["layer"].max() + 0.5)
    axes.grid(visible=False, axis="x")
