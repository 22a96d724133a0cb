"""Pages from outside the folder, links to them, and the contents of the site.

A page in this folder that holds nothing but a link shows the page that it links to. Links to that
page lead to it. The site's contents are the lists of links on the front page.
"""

import os
import re
from functools import cache
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
_LINK = re.compile(r"(?<=\]\()(?P<path>[^()\s:#]+)(?P<anchor>#[^()\s]*)?(?=\))")
_ONLY_A_LINK = re.compile(r"\[[^\]]+\]\(([^()\s]+)\)\s*")
#: A heading of the front page with its list of links, whose lines may be continued.
_SECTION = re.compile(r"^## (?P<caption>.+)\n\n(?P<entries>(?:(?:- |  ).+\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^- \[[^\]]+\]\(([\w/-]+)\.\w+\)", re.MULTILINE)


@cache
def outside() -> dict[Path, Path]:
    """Return the pages from outside, each with the page in this folder that shows it."""
    shown = {ROOT / "README.md": DOCS / "index.md"}
    for page in (DOCS / "site").glob("*.md"):
        link = _ONLY_A_LINK.fullmatch(page.read_text(encoding="utf-8"))
        if link:
            shown[(page.parent / link[1]).resolve()] = page
    return shown


def with_links(text: str, source: Path, page: Path) -> str:
    """Return a page's text with the links that it needs where the site shows it.

    Args:
        text: of the page.
        source: the file that the text is from, to whose folder its links are relative.
        page: the file in whose place the site shows it.
    """

    def moved(link: re.Match[str]) -> str:
        target = (source.parent / link["path"]).resolve()
        if not target.is_file():
            return link[0]  # Sphinx says that it is broken
        to = os.path.relpath(outside().get(target, target), page.parent)
        return Path(to).as_posix() + (link["anchor"] or "")

    return _LINK.sub(moved, text)


def contents(front_page: str) -> str:
    """Return the site's contents as directives: a part for each section of the front page."""
    parts = []
    for section in _SECTION.finditer(front_page):
        entries = "\n".join(_ENTRY.findall(section["entries"]))
        parts.append(
            f"```{{toctree}}\n:hidden:\n:caption: {section['caption']}\n\n{entries}\n```\n"
        )
    return "\n".join(parts)


def _read(app: Sphinx, name: str, content: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    if page.suffix != ".md":
        return
    source = next((path for path, shown in outside().items() if shown == page), page)
    if name == app.config.root_doc:
        source = page
        content[0] += "\n" + contents(content[0])
    if source != page:
        content[0] = source.read_text(encoding="utf-8")
        app.env.note_dependency(str(source))
    content[0] = with_links(content[0], source, page)


def setup(app: Sphinx) -> None:
    """Read pages in this way."""
    app.connect("source-read", _read)
