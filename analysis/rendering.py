"""Draws figures and writes their files, in processes of their own if several are asked for.

Drawing takes far longer than anything else on a page. The figures' summaries are plain data, so
they are sent to processes that import matplotlib while this one still reads results.
"""

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import duckdb

from analysis import figures
from studies import garbage
from studies.components import BrokenComponentError
from studies.errors import UserError

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
    """Draws figures in other processes, and in this one as soon as it waits for them."""

    def __init__(self, executor: Executor | None = None) -> None:
        """Draw in the processes of an executor, too; without one in this process alone."""
        self._executor = executor
        self._begun: dict[str, tuple[Any, Path, Future[Drawn | Failed] | None]] = {}

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
        self._begun[name] = summary, folder, future

    def finish(self, progress: Callable[[int, int], None]) -> Mapping[str, Drawn | Failed]:
        """Return the outcome of each figure that was begun since the last call.

        Args:
            progress: is told how many of the figures are drawn, and how many there are.

        Raises:
            OSError: a file cannot be written.
        """
        begun, self._begun = self._begun, {}
        outcomes: dict[str, Drawn | Failed] = {}
        # The others begin with the first figures, so this process draws the last ones.
        for name, (summary, folder, future) in reversed(begun.items()):
            if future is not None and not future.cancel():
                break
            progress(len(outcomes), len(begun))
            outcomes[name] = render(name, summary, folder)
        for name, (summary, folder, future) in begun.items():
            if name not in outcomes and future is not None:
                progress(len(outcomes), len(begun))
                try:
                    outcomes[name] = future.result()
                except BrokenProcessPool:  # the process was killed
                    outcomes[name] = render(name, summary, folder)
        progress(len(outcomes), len(begun))
        return outcomes


@contextlib.contextmanager
def renderer(processes: int) -> Iterator[Renderer]:
    """Give a renderer that draws in this many processes, this one among them.

    What drawing needs is imported by another process meanwhile, from which they are forked.

    Args:
        processes: with 1, this process draws alone. A script that asks for more must protect its
            code by ``if __name__ == "__main__":``, as `multiprocessing` requires.
    """
    if processes < 2:
        yield Renderer()
        return
    context: Any = multiprocessing.get_context("spawn")
    if "forkserver" in multiprocessing.get_all_start_methods():
        # Not other packages' modules: what is wrong with one is the matter of its figure alone.
        modules = (one.module for one in figures.figures().values() if not one.error)
        own = (module for module in modules if module.startswith("analysis."))
        forkserver.set_forkserver_preload([*_DRAWING, *own])
        with contextlib.suppress(OSError):  # the path of TMPDIR is too long for a socket
            forkserver.ensure_running()  # and import, while this process goes on
            context = multiprocessing.get_context("forkserver")
    pool = ProcessPoolExecutor(processes - 1, context, garbage.collect_rarely)
    try:
        yield Renderer(pool)
    finally:
        pool.shutdown(cancel_futures=True)


def render(name: str, summary: Any, folder: Path) -> Drawn | Failed:
    """Draw a figure and write its files.

    Raises:
        OSError: a file cannot be written.
    """
    from analysis.drawing.svg import inline, save

    try:
        drawing = figures.render(name, summary)
    except (Exception, SystemExit) as error:
        return failure(error)
    text = save(drawing, folder, name)
    description = f"{drawing.title}. {drawing.caption} {drawing.note}"
    svg = inline(text, name, float(drawing.figure.get_figwidth()), description)
    return Drawn(drawing.title, drawing.caption, svg)


def failure_of_figure(error: Exception | SystemExit) -> Failed:
    """Return `failure` of an error that a figure met when it read results.

    Raises:
        UserError: the error is one, and so the folder's problem.
        duckdb.Error: the error is one: parts of the results were just merged.
    """
    if isinstance(error, UserError | duckdb.Error) and not isinstance(error, BrokenComponentError):
        raise error
    return failure(error)


def failure(error: Exception | SystemExit) -> Failed:
    """Return what a page and a log say about an error."""
    line = f"{type(error).__name__}: {error}".splitlines()[0]
    return Failed(line, "".join(traceback.format_exception(error)))
