"""The report: one self-contained HTML page, and each figure beside it as PNG and SVG."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import figures
from analysis.drawing import NothingToDraw
from analysis.drawing.svg import dark_colours
from analysis.rendering import Drawn, Failed, Renderer, failure_of_figure
from analysis.report.answers import answers
from analysis.report.cells import table_of_cells
from analysis.report.provenance import provenance
from analysis.report.questions import findings, questions
from analysis.report.sections import of_several, of_verdicts
from analysis.report.wording import estimates, subject
from analysis.tables import Results
from analysis.verdicts import verdicts
from studies.errors import UserError
from studies.store.folder import try_writing

_PAGE = Path(__file__).parent / "page"

#: Is told how many figures are drawn, and how many there are.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Report:
    """A written report.

    Attributes:
        page: the path of ``report.html``.
        failed: the figures that could not be drawn, each with the path of its traceback.
    """

    page: Path
    failed: Mapping[str, Path]


@dataclass(frozen=True)
class _Begun:
    """The figures that are being drawn, by what became of their summaries.

    Attributes:
        names: the figures that apply.
        failed: those of them that could not be summarised.
        skipped: why each other figure does not apply.
    """

    names: list[str]
    failed: dict[str, Failed]
    skipped: dict[str, str]


def write(
    results: Results,
    output: Path,
    several: Mapping[str, Results] | None = None,
    *,
    only: Sequence[str] = (),
    renderer: Renderer | None = None,
    progress: Progress = lambda done, count: None,
) -> Report:
    """Write ``report.html`` and the figures' files into a folder.

    The same results give the same bytes, however many processes draw. If a figure cannot be drawn,
    the page says so in its place, its traceback is written beside the page, and the rest of the
    page is unaffected.

    Args:
        results: of one or several studies, finished or not.
        output: the folder; created if it does not exist.
        several: the results of each study by display name, to be compared side by side; empty for
            a single study.
        only: names of the figures to draw; empty for all that apply.
        renderer: what draws (`analysis.rendering`); by default this process.
        progress: is told how many figures are drawn, and how many there are.

    Raises:
        UserError: the folder cannot be written to, or there is no such figure.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        page, drawing = output / "report.html", renderer or Renderer()
        begun = _begin(results, output, only or figures.names(), drawing)
        content = _content(results, several or {}, begun.names)
        outcomes = {**drawing.finish(progress), **begun.failed}
        found, not_found = findings(results, begun.names)
        drawn = {name: _worse(outcomes[name], not_found.get(name)) for name in begun.names}
        logs = _write_logs(drawn, output)
        text = _page(content, questions=questions(drawn, found), skipped=begun.skipped, logs=logs)
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise _unwritable(output, error) from None
    return Report(page, {name: output / log for name, log in logs.items()})


def check_writable(output: Path) -> None:
    """Check that a folder can be written to, before the results are read; nothing stays of this.

    Raises:
        UserError: it cannot.
    """
    try:
        try_writing(output)
    except OSError as error:
        raise _unwritable(output, error) from None


def _begin(results: Results, output: Path, names: Sequence[str], drawing: Renderer) -> _Begun:
    """Summarise the figures, and begin to draw each one that applies."""
    begun = _Begun([], {}, {})
    for name in names:
        _log(output, name).unlink(missing_ok=True)  # of an earlier report
    # The verdicts take longest, so other figures are drawn meanwhile.
    for name in sorted(names, key=lambda name: figures.question(name) == "verdicts"):
        try:
            summary = figures.summarise(name, results)
        except NothingToDraw as reason:
            begun.skipped[name] = str(reason)
        except (Exception, SystemExit) as error:
            begun.failed[name] = failure_of_figure(error)
        else:
            drawing.start(name, summary, output)
    begun.names.extend(name for name in names if name not in begun.skipped)
    return begun


def _worse(outcome: Drawn | Failed, of_finding: Failed | None) -> Drawn | Failed:
    """Return a figure's outcome, or why there is no finding beside it."""
    return of_finding if of_finding and isinstance(outcome, Drawn) else outcome


def _content(
    results: Results, several: Mapping[str, Results], figures_begun: Sequence[str]
) -> dict[str, Any]:
    """Return what the page says beside its figures."""
    given = verdicts(results)
    return {
        "results": results,
        "title": ", ".join(several or results.names) or ", ".join(results.trials["study"].unique()),
        "descriptions": list(
            dict.fromkeys(study.description for study in results.studies if study.description)
        ),
        "subject": subject(results),
        "answers": answers(given),
        "estimates": estimates(results),
        "cells": table_of_cells(results),
        "provenance": provenance(results),
        "beside": of_several(several) if len(several) > 1 else None,
        **of_verdicts(results, given, figures_begun),
    }


def _page(content: Mapping[str, Any], **figures_and_findings: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    css = (_PAGE / "report.css").read_text(encoding="utf-8")
    css = css.replace("/* dark colours of figures */", dark_colours() + ";")
    return environment.get_template("report.html").render(
        **content,
        **figures_and_findings,
        css=Markup(css),  # noqa: S704  (ours)
        script=Markup((_PAGE / "report.js").read_text(encoding="utf-8")),  # noqa: S704  (ours)
        markup=Markup,  # of the figures: matplotlib escapes, and so does `inline`
    )


def _write_logs(drawn: Mapping[str, Drawn | Failed], output: Path) -> dict[str, str]:
    """Write the traceback of each figure that failed; return the names of these files."""
    logs = {}
    for name, outcome in drawn.items():
        if isinstance(outcome, Failed):
            log = _log(output, name)
            log.write_text(outcome.traceback, encoding="utf-8")
            logs[name] = log.name
    return logs


def _log(output: Path, name: str) -> Path:
    return output / f"failed-figure-{name}.log"


def _unwritable(output: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(f"report folder {output}: {reason}; give a writable folder")
