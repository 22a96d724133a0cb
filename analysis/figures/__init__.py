"""The figures: one file each, in this folder, in `analysis.questions`, or in another package.

To add one, add a file; it is found by its name. Another package adds some through the entry points
``untuned.figures``, each naming a module. Such a file declares these constants, which are read
without running it (see `studies.components`):

    ORDER     its place among the figures of its question; 1000 if it is not given
    QUESTION  the section of the page, a key of `analysis.report.questions.TITLES` or the title of
              a section of its own

and a function ``summarise(results: Results)``. It returns what the figure shows, as plain data that
can be sent to another process, and raises `analysis.drawing.NothingToDraw` if the figure does not
apply. Estimates come from `analysis.estimates`. If the summary is of a kind in `analysis.drawing`
that draws itself (`Rows`, `Lines`, `Curves`, `Histograms`), the file gives the figure's ``TITLE``
and ``CAPTION``. Otherwise, and where something is added, it has a function
``draw(summary) -> Drawing``.

This module imports matplotlib only when a figure is summarised or drawn.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.components import Component, Declaration, by_entry_point, in_folder, without_namesakes
from studies.errors import UserError, unknown

if TYPE_CHECKING:
    from analysis.drawing import Drawing
    from analysis.tables import Results

#: The group of entry points of figures in other packages.
GROUP = "untuned.figures"
#: The section of figures that declare none.
FURTHER = "Further figures"
_LAST = 1000
_QUESTIONS = "analysis.questions"
_KNOWN: Mapping[str, Declaration] = {
    "ORDER": Declaration("a whole number", lambda value: type(value) is int),
    "QUESTION": Declaration("a text", lambda value: isinstance(value, str) and bool(value)),
}


def figures() -> dict[str, Component]:
    """Return all figures by name, in their order.

    One of another package whose name is taken is left out, see `studies.components.left_out`.

    Raises:
        UserError: two figures of this project have one name.
    """
    import analysis.questions

    own = [one for folder in __path__ for one in _in_folder(folder, __name__)]
    own += [one for folder in analysis.questions.__path__ for one in _in_folder(folder, _QUESTIONS)]
    ours: dict[str, Component] = {}
    for one in own:
        name = one.file.stem
        if name in ours:
            raise UserError(
                f"figure {name}: {ours[name].file} and {one.file} have this name; rename one"
            )
        ours[name] = one
    named = without_namesakes(ours, by_entry_point("figure", GROUP, _KNOWN))
    order = sorted(named, key=lambda name: (named[name].declared.get("ORDER", _LAST), name))
    return {name: named[name] for name in order}


@cache
def _in_folder(folder: str, package: str) -> list[Component]:
    return in_folder("figure", Path(folder), package, _KNOWN)


def names() -> list[str]:
    """Return the figures' names in their order."""
    return list(figures())


def question(name: str) -> str:
    """Return the section of the page that a figure belongs to."""
    return str(_find(name).declared.get("QUESTION", FURTHER))


def summarise(name: str, results: "Results") -> Any:
    """Return what a figure shows, as plain data.

    Args:
        name: one of `names`.
        results: of one or several studies.

    Raises:
        NothingToDraw: the figure does not apply to these results.
        UserError: there is no such figure.
    """
    return _find(name).load().summarise(results)


def render(name: str, summary: Any) -> "Drawing":
    """Draw a figure in the project's theme and compute its layout.

    Args:
        name: one of `names`.
        summary: what `summarise` returned, in this process or in another.
    """
    from analysis.drawing.layout import settle
    from analysis.drawing.theme import theme

    figure = _find(name).load()
    with theme():
        has_own = hasattr(figure, "draw")
        drawing: Drawing = (
            figure.draw(summary) if has_own else summary.draw(figure.TITLE, figure.CAPTION)
        )
        settle(drawing.figure)
    return drawing


def draw(name: str, results: "Results") -> "Drawing":
    """Draw a figure of some results.

    Raises:
        NothingToDraw: the figure does not apply to these results.
        UserError: there is no such figure.
    """
    return render(name, summarise(name, results))


def _find(name: str) -> Component:
    found = figures()
    if name not in found:
        raise unknown("figure", name, found)
    return found[name]
