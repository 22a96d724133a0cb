"""Figures as files, and as SVG that can stand many to a page."""

import io
import re
from pathlib import Path
from xml.sax.saxutils import quoteattr

from analysis.drawing import Drawing
from analysis.drawing.style import theme

DPI = 150
#: Without these two the bytes would change with the date and with matplotlib's version.
_NO_METADATA = {"Date": None, "Creator": None}


def save(drawing: Drawing, folder: Path, name: str) -> str:
    """Write ``<name>.png`` (150 dots per inch) and ``<name>.svg``, and return the latter's text.

    Raises:
        OSError: the files cannot be written.
    """
    buffer = io.StringIO()
    with theme():
        drawing.figure.savefig(folder / f"{name}.png", dpi=DPI, metadata={"Software": None})
        drawing.figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    (folder / f"{name}.svg").write_text(text, encoding="utf-8")
    return text


def inline(text: str, name: str, told: str) -> str:
    """The text of an SVG file as an ``<svg>`` element for an HTML page.

    Its ids are prefixed by `name`, since matplotlib numbers them alike in every figure; it holds
    no addresses, takes its width from the page and is announced by what `told` says.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    opening, _, rest = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', opening)
    return f'<svg {box[0] if box else ""} role="img" aria-label={quoteattr(told)}>{rest}'
