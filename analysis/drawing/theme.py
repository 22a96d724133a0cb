"""The project's theme, whatever a user's own settings of matplotlib are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

from analysis.drawing.style import GRID, INK, PAPER

_SETTINGS: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#cccccc",
    "axes.facecolor": PAPER,
    "axes.formatter.use_mathtext": False,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.5,
    "axes.titley": 1.0,  # so that no draw looks for ticks above the panel: there are none
    "figure.dpi": 150,  # that of the files, so that texts are measured once for both
    "figure.facecolor": PAPER,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so it is the same everywhere
    "grid.color": GRID,
    "grid.linewidth": 1.0,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "savefig.facecolor": PAPER,
    "svg.fonttype": "path",
    "svg.hashsalt": "untuned",
    "text.color": INK,
    "text.parse_math": False,  # a name may contain dollar signs
    "xtick.color": INK,
    "xtick.labelsize": 9,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.color": INK,
    "ytick.labelsize": 9,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


@contextmanager
def theme() -> Iterator[None]:
    """Give figures made in this context the project's look, and the same bytes every time.

    Nothing that a user has set is used: neither a `matplotlibrc` nor `rcParams` nor a style.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield
