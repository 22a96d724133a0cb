"""Draws figures and writes their files, in processes of their own if several are asked for.

Drawing takes far longer than anything else on a page. The figures' summaries are plain data, so
they are sent to processes that import matplotlib while this one still reads results.
"""

import contextlib
import importlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis import figures

#: What drawing imports beside the figures.
_DRAWING = (
    "analysis.drawing.svg",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
)


@dataclass(frozen=True)
class Drawn:
    """A figure whose files are written.

    Attributes:
        title: what it shows.
        caption: how to read it.
        svg: its element for a page.
    """

    title: str
    caption: str
    svg: str


@dataclass(frozen=True)
class Failed:
    """A figure that could not be drawn: the error in one line, and its traceback."""

    error: str
    traceback: str


class Renderer:
    """Draws figures in other processes, or in this one."""

    def __init__(self, executor: Executor | None = None) -> None:
        """Draw in the processes of an executor, or without one in this process."""
        self._executor = executor
        self._pending: dict[str, tuple[Any, Path, Future[Drawn | Failed] | None]] = {}

    def __enter__(self) -> "Renderer":
        """Return the renderer; at the end it forgets what was begun."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forget the figures that were begun."""
        self._pending.clear()

    def start(self, name: str, summary: Any, folder: Path) -> None:
        """Begin to draw a figure.

        Args:
            name: the figure's name.
            summary: what it shows.
            folder: the folder of its files.
        """
        future = None
        if self._executor is not None:
            with contextlib.suppress(BrokenProcessPool):
                future = self._executor.submit(render, name, summary, folder)
        self._pending[name] = (summary, folder, future)

    def finish(self, progress: Callable[[int, int], None]) -> Mapping[str, Drawn | Failed]:
        """Return the outcome of each figure that was begun, in that order.

        Args:
            progress: is told how many of the figures are drawn, and how many there are.

        Raises:
            OSError: a file cannot be written.
        """
        outcomes: dict[str, Drawn | Failed] = {}
        for name, (summary, folder, future) in self._pending.items():
            progress(len(outcomes), len(self._pending))
            outcomes[name] = _outcome(future) or render(name, summary, folder)
        progress(len(outcomes), len(self._pending))
        return outcomes


def _outcome(future: Future[Drawn | Failed] | None) -> Drawn | Failed | None:
    """Return a figure's outcome; None if its process was killed, or there was none."""
    if future is None:
        return None
    try:
        return future.result()
    except BrokenProcessPool:
        return None


@contextlib.contextmanager
def renderer(processes: int) -> Iterator[Renderer]:
    """Give a renderer with this many processes, which begin to import what drawing needs.

    Args:
        processes: with 1, figures are drawn in this process.
    """
    if processes < 2:
        yield Renderer()
        return
    own = [one.module for one in figures.figures().values() if one.module.startswith("analysis.")]
    modules = [*_DRAWING, *own]
    context: Any
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(modules)  # once, for all processes
    else:
        context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context)
    try:
        with contextlib.suppress(BrokenProcessPool):
            for _ in range(processes):
                pool.submit(_import, modules)
        yield Renderer(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _import(modules: Sequence[str]) -> None:
    """Import these modules before the first figure comes."""
    for module in modules:
        importlib.import_module(module)


def render(name: str, summary: Any, folder: Path) -> Drawn | Failed:
    """Draw a figure and write its files.

    Raises:
        OSError: a file cannot be written.
    """
    from analysis.drawing.svg import inline, save

    try:
        drawing = figures.render(name, summary)
    except Exception as error:
        return failure(error)
    text = save(drawing, folder, name)
    description = f"{drawing.title}. {drawing.caption} {drawing.note}"
    svg = inline(text, name, float(drawing.figure.get_figwidth()), description)
    return Drawn(drawing.title, drawing.caption, svg)


def failure(error: Exception) -> Failed:
    """Return what a page and a log say about an error."""
    line = f"{type(error).__name__}: {error}".splitlines()[0]
    return Failed(line, "".join(traceback.format_exception(error)))
