"""The report: one self-contained HTML page, and each figure beside it as PNG and SVG."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis import figures
from analysis.cells import heading, shown, varying
from analysis.drawing import NothingToDraw
from analysis.drawing.svg import inline, save
from analysis.estimates.summary import summary
from analysis.numbers import MISSING, mean_and_half
from analysis.report.findings import findings
from analysis.report.provenance import provenance
from analysis.report.sections import of_several, of_verdicts
from analysis.report.wording import answer, lead, subject
from analysis.tables import Results
from studies.errors import UserError

_PAGE = Path(__file__).parent / "page"


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
class _Figures:
    """The outcome of each figure.

    Attributes:
        drawn: name, title, text and drawing of each figure on the page.
        skipped: a sentence for each figure that does not apply, which says why.
        failed: name, error in one line and log file name of each figure that raised an error.
    """

    drawn: list[dict[str, Any]]
    skipped: list[str]
    failed: list[dict[str, str]]


def write(results: Results, output: Path, several: Mapping[str, Results] | None = None) -> Report:
    """Write ``report.html`` and the figures' files into a folder.

    The same results give the same bytes. If a figure cannot be drawn, the page says so in its
    place, its traceback is written beside the page, and the rest of the page is unaffected.

    Args:
        results: of one or several studies, finished or not.
        output: the folder; created if it does not exist.
        several: the results of each study by display name, to be compared side by side; empty for
            a single study.

    Raises:
        UserError: the folder cannot be written to.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        page = output / "report.html"
        made = _figures(results, output)
        page.write_text(_page(results, made, several or {}), encoding="utf-8")
    except OSError as error:
        raise _unwritable(output, error) from None
    return Report(page, {figure["name"]: output / figure["log"] for figure in made.failed})


def _page(results: Results, made: _Figures, several: Mapping[str, Results]) -> str:
    cells = summary(results)
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        results=results,
        title=", ".join(several or results.names) or ", ".join(results.trials["study"].unique()),
        descriptions=list(dict.fromkeys(s.description for s in results.studies if s.description)),
        subject=subject(results),
        lead=lead(results),
        answer=answer(results, cells),
        headings=[heading(name) for name in varying(results)],
        rows=[_row(results, cell) for _, cell in cells.iterrows()],
        any_diverged_or_dead=bool(cells[["diverged", "dead", "no_accuracy"]].to_numpy().sum()),
        findings=findings(results),
        drawn=[figure["name"] for figure in made.drawn],
        figures=made.drawn,
        skipped=made.skipped,
        failed=made.failed,
        provenance=provenance(results),
        beside=of_several(several) if len(several) > 1 else None,
        css=Markup((_PAGE / "report.css").read_text(encoding="utf-8")),  # noqa: S704  (ours)
        script=Markup((_PAGE / "report.js").read_text(encoding="utf-8")),  # noqa: S704  (ours)
        **of_verdicts(results, [figure["name"] for figure in made.drawn]),
    )


def _figures(results: Results, output: Path) -> _Figures:
    """Draw the figures and save their files beside the page."""
    made = _Figures([], [], [])
    for name in figures.names():
        log = output / f"failed-figure-{name}.log"
        log.unlink(missing_ok=True)  # of an earlier report
        try:
            made.drawn.append(_figure(name, results, output))
        except NothingToDraw as reason:
            made.skipped.append(str(reason))
        except (UserError, duckdb.Error):  # the folder's problem; or parts that were just merged
            raise
        except Exception as error:
            log.write_text(traceback.format_exc(), encoding="utf-8")
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            made.failed.append({"name": name, "error": line, "log": log.name})
    return made


def _figure(name: str, results: Results, output: Path) -> dict[str, Any]:
    """Draw one figure, save its files and return what the page shows."""
    drawing = figures.draw(name, results)
    description = f"{drawing.title}. {drawing.caption} {drawing.note}"
    try:
        saved = save(drawing, output, name)
    except OSError as error:
        raise _unwritable(output, error) from None
    svg = Markup(inline(saved, name, description))  # noqa: S704  (matplotlib escapes, inline too)
    return {"name": name, "title": drawing.title, "text": drawing.caption, "svg": svg}


def _unwritable(output: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(f"report folder {output}: {reason}; give a writable folder")


def _row(results: Results, cell: pd.Series) -> dict[str, Any]:
    """Return a row of the table of cells, as text."""
    by = varying(results)
    failures = [f"{cell[name]} {name}" for name in ("diverged", "dead") if cell[name]]
    if cell["no_accuracy"]:
        failures.append(f"{cell['no_accuracy']} without accuracy")
    difference = mean_and_half(cell["difference"], cell["difference_high"], 2, sign=True)
    return {
        "cell": [shown(name, cell[name]) for name in by],
        "accuracy": mean_and_half(cell["accuracy"], cell["accuracy_high"], 2),
        "difference": difference if cell["pairs"] else MISSING,
        "pairs": cell["pairs"],
        "numbers": {name: cell[name] for name in ("accuracy", "difference", "changed")},
        "changed": mean_and_half(cell["changed"], cell["changed_high"], 1),
        "n": cell["n"],
        "planned": cell["planned"],
        "complete": cell["n"] >= cell["planned"],
        "diverged_or_dead": ", ".join(failures) or MISSING,
    }
