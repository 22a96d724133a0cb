"""The figures of the shipped results, drawn for the gallery, each with its command."""

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import analysis
from analysis import figures, rendering
from analysis.drawing import NothingToDraw
from analysis.drawing.svg import dark_colours
from analysis.tables import Results
from studies.store import shipped


def shown(only: Sequence[str]) -> Iterator[tuple[str, str, Results]]:
    """Yield each figure that applies to a shipped study: its name, the study, and its results.

    Args:
        only: the names of figures; empty for all.
    """
    loaded = {name: analysis.load(str(shipped.folder() / name)) for name in shipped.names()}
    by_size = sorted(loaded.items(), key=lambda item: (-len(item[1].trials), item[0]))
    for figure in only or figures.names():
        for study, results in by_size:
            try:
                figures.summarise(figure, results)
            except NothingToDraw:
                continue
            yield figure, study, results
            break


def text(folder: Path, only: Sequence[str]) -> str:
    """Return the gallery in Markdown, with the figures as SVG elements.

    Args:
        folder: an existing folder for the figures' files.
        only: the names of figures; empty for all.

    Raises:
        ExtensionError: a figure cannot be drawn.
    """
    parts = []
    for name, study, results in shown(only):
        drawn = rendering.render(name, figures.summarise(name, results), folder)
        if isinstance(drawn, rendering.Failed):
            raise ExtensionError(f"the figure {name} of {study}: {drawn.traceback}")
        parts.append(
            f"## {drawn.title}\n\n"
            f'<div class="plate">{drawn.svg}</div>\n\n'
            f"{html.escape(drawn.caption, quote=False)}\n\n"
            f"```bash\nuntuned report {study} --figures {name}\n```\n"
        )
    return "\n".join(parts)


def _read(app: Sphinx, name: str, content: list[str]) -> None:
    if name == "gallery":
        folder = Path(app.doctreedir) / "gallery"
        folder.mkdir(parents=True, exist_ok=True)
        content[0] += "\n" + text(folder, app.config.gallery_figures)


def _dark(app: Sphinx, *_: object) -> None:
    """Give the figures their colours on a dark background, in a style sheet of their own."""
    colours = dark_colours()
    css = (
        f'body[data-theme="dark"] {{ {colours} }}\n@media (prefers-color-scheme: dark) '
        f'{{ body:not([data-theme="light"]) {{ {colours} }} }}\n'
    )
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / "figures.css").write_text(css, encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Draw the figures when the gallery is read."""
    app.add_config_value("gallery_figures", [], "env", list)
    app.connect("source-read", _read)
    app.connect("build-finished", _dark)
    app.add_css_file("figures.css")
