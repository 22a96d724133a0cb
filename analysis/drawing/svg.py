"""Figures as files, and as SVG elements of which a page can have many."""

import io
import re
from pathlib import Path
from xml.sax.saxutils import quoteattr

from analysis.drawing import Drawing
from analysis.drawing.style import theme

DPI = 150
#: These two would make the bytes depend on the date and on matplotlib's version.
_NO_METADATA = {"Date": None, "Creator": None}


def save(drawing: Drawing, folder: Path, name: str) -> str:
    """Write ``<name>.png`` (150 dots per inch) and ``<name>.svg``; return the text of the SVG.

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


def inline(text: str, name: str, description: str) -> str:
    """Return the text of an SVG file as an ``<svg>`` element for an HTML page.

    It has no addresses and takes its width from the page.

    Args:
        text: the file's text.
        name: prefix of the ids, because matplotlib uses the same ids in every figure.
        description: what a screen reader reads instead.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    opening, _, rest = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', opening)
    return f'<svg {box[0] if box else ""} role="img" aria-label={quoteattr(description)}>{rest}'
