"""The figures: one file each. To add one, add a file; it is found by its name.

A figure's module has a docstring, an `ORDER` (its place on the page) and one function
``draw(results: Results) -> Drawing`` that raises `analysis.drawing.NothingToDraw` if the figure
does not apply. Estimates come from `analysis.estimates`.
"""

import importlib
import pkgutil
from types import ModuleType

from analysis.drawing import Drawing
from analysis.drawing.style import theme
from analysis.tables import Results


def names() -> list[str]:
    """Return the figures' names in their order on the page."""
    modules = {info.name: _module(info.name) for info in pkgutil.iter_modules(__path__)}
    return sorted(modules, key=lambda name: (modules[name].ORDER, name))


def draw(name: str, results: Results) -> Drawing:
    """Draw a figure.

    Args:
        name: one of `names`.
        results: of one or several studies.

    Raises:
        NothingToDraw: the figure does not apply to these results.
    """
    with theme():
        drawing: Drawing = _module(name).draw(results)
        drawing.figure.draw_without_rendering()  # computes the layout while the theme is set
    return drawing


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")
