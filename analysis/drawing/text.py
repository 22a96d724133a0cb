"""Text of figures that the font can show."""

import functools
from collections.abc import Iterator

from matplotlib import font_manager, ft2font
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator


def make_legible(figure: Figure) -> None:
    r"""Replace the characters of all texts in a figure that its font lacks, such as Chinese ones.

    Each of them becomes its number, as in ``\u6570``; the page around the figure shows the names
    themselves.
    """
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if isinstance(axis.get_major_locator(), FixedLocator):
            places = axis.get_majorticklocs()
            labels = axis.get_major_formatter().format_ticks(list(places))
            if not all(map(str.isascii, labels)):
                axis.set_ticks(places, labels=[legible(label) for label in labels])
    for text in _texts(figure):
        if not text.get_text().isascii():
            text.set_text(legible(text.get_text()))


def _texts(figure: Figure) -> Iterator[Text]:
    """Yield all texts except for the labels of ticks, which axes make when they are drawn."""
    yield from figure.texts
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
    for legend in filter(None, legends):
        yield from legend.get_texts()
    for axes in figure.axes:
        yield from (*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label)


def legible(text: str) -> str:
    """Return a text with a stand-in for each character that the font lacks."""
    return "".join(c if c.isascii() or _has(c) else _number(c) for c in text)


@functools.cache
def _has(character: str) -> bool:
    return _font().get_char_index(ord(character)) > 0


@functools.cache
def _font() -> ft2font.FT2Font:
    return font_manager.get_font(font_manager.findfont("DejaVu Sans"))


def _number(character: str) -> str:
    return character.encode("ascii", "backslashreplace").decode("ascii")
