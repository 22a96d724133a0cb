"""How figures look: one colour, marker and line per method, the same in every figure."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import seaborn as sns

#: Okabe and Ito's palette without its yellow, which is too faint for a line on white, and colours
#: of Paul Tol's. They are distinct with any of the common colour blindnesses.
_COLOURS = ("#009E73", "#CC79A7", "#882255", "#999933", "#44AA99", "#AA4499", "#117733", "#661100")
_MARKERS = ("^", "v", "<", ">", "P", "*", "h", "d")


@dataclass(frozen=True)
class Style:
    """Colour, marker and line of a method; marker and line alone distinguish methods too."""

    colour: str
    marker: str
    line: Literal["-", "--", ":"]


#: Free methods have a solid line, minimal methods a dashed one.
_FIXED = {
    "dense": Style("#333333", "o", "-"),
    "free-pruning": Style("#0072B2", "s", "-"),
    "minimal-pruning": Style("#56B4E9", "s", "--"),
    "free-flipping": Style("#D55E00", "D", "-"),
    "minimal-flipping": Style("#E69F00", "D", "--"),
}

#: The styles of the conclusions of verdicts.
CONCLUSIONS = {
    "supported": Style("#0072B2", "o", "-"),
    "undecided": Style("#777777", "D", "-"),
    "refuted": Style("#D55E00", "X", "-"),
    "suggests": Style("#56B4E9", "o", "-"),
    "open": Style("#AAAAAA", "D", "-"),
    "speaks against": Style("#E69F00", "X", "-"),
}


def styles(methods: Sequence[str]) -> dict[str, Style]:
    """Return the style of each method.

    Args:
        methods: all methods of a study, so that a method without a fixed style has the same one in
            all of its figures.
    """
    others = sorted(set(methods) - set(_FIXED))
    chosen = {
        name: Style(_COLOURS[i % len(_COLOURS)], _MARKERS[i % len(_MARKERS)], ":")
        for i, name in enumerate(others)
    }
    return {name: _FIXED.get(name) or chosen[name] for name in methods}


@contextmanager
def theme() -> Iterator[None]:
    """Give figures made in this context the project's style and the same bytes every time."""
    settings: dict[Any, Any] = {
        "axes.grid": True,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": 10.5,
        "axes.labelsize": 10,
        "figure.facecolor": "white",
        "figure.titlesize": 13,
        "figure.titleweight": "bold",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so it is the same everywhere
        "grid.color": "#e3e3e3",
        "legend.fontsize": 9.5,
        "legend.frameon": False,
        "svg.fonttype": "path",
        "svg.hashsalt": "untuned",
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
    }
    with mpl.rc_context(), sns.axes_style("whitegrid"), mpl.rc_context(settings):
        yield
