"""Figures as files, and as SVG elements of which a page can have many."""

import io
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG

from analysis.drawing import Drawing
from analysis.drawing.style import DARK
from analysis.drawing.theme import theme

DPI = 150
#: Pixels of a page per inch of a figure, so that all figures have letters of one size.
PIXELS = 96
#: A figure is never narrower than this fraction of its width; the page scrolls it instead.
_NARROWEST = 0.72
#: These two would make the bytes depend on the date and on matplotlib's version.
_NO_METADATA = {"Date": None, "Creator": None}
_COLOUR = re.compile(r"(?<=[ :])#[0-9a-f]{6}(?=[;\"])")


def save(drawing: Drawing, folder: Path, name: str) -> str:
    """Write ``<name>.png`` (150 dots per inch) and ``<name>.svg``; return the text of the SVG.

    Raises:
        OSError: the files cannot be written.
    """
    figure, buffer = drawing.figure, io.BytesIO()
    with theme():  # `savefig` would draw each file twice
        figure.set_dpi(DPI)
        png: Any = FigureCanvasAgg(figure)
        png.print_png(folder / f"{name}.png", metadata={"Software": None})
        svg: Any = FigureCanvasSVG(figure)
        svg.print_svg(buffer, metadata=_NO_METADATA)
    text = buffer.getvalue().decode()
    (folder / f"{name}.svg").write_text(text, encoding="utf-8")
    return text


def inline(text: str, name: str, wide: float, description: str) -> str:
    """Return the text of an SVG file as an ``<svg>`` element for an HTML page.

    It has no addresses, the size of its letters does not depend on its width, and its colours are
    those that the page gives for a dark background (`dark_colours`).

    Args:
        text: the file's text.
        name: prefix of the ids, because matplotlib uses the same ids in every figure.
        wide: the figure's width in inches.
        description: what a screen reader reads instead.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"\n\s+", "\n", text)
    opening, _, rest = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', opening)
    size = f"width: {wide * PIXELS:.0f}px; min-width: {wide * PIXELS * _NARROWEST:.0f}px"
    return (
        f'<svg {box[0] if box else ""} style="{size}" role="img" '
        f"aria-label={quoteattr(description)}>{_COLOUR.sub(_variable, rest)}"
    )


def dark_colours() -> str:
    """Return the colours of figures on a dark background, as declarations of CSS."""
    return "; ".join(f"{_name(light)}: {dark}" for light, dark in DARK.items())


def _variable(colour: re.Match[str]) -> str:
    """Return a colour as the page gives it, or itself if it is the same on every page."""
    return f"var({_name(colour[0])}, {colour[0]})" if colour[0] in DARK else colour[0]


def _name(colour: str) -> str:
    return f"--c-{colour[1:]}"
