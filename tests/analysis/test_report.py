"""The page, parsed: complete, self-contained, true to the counts."""

import math
import os
import re
import signal
import sys
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pandas as pd
import pytest

import analysis
from analysis import figures, rendering, report
from analysis.report.provenance import wall_seconds
from studies import components
from studies.errors import UserError

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects ids, addresses and texts, and checks that tags are closed in order."""

    def __init__(self, html: str):
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.images: list[dict[str, str]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._open: list[str] = []
        self._new = False
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("href", "src", "xlink:href") if name in given]
        if given.get("role") == "img":
            self.images.append(given)
        if tag in ("section", "nav"):
            self._rows = self.tables.setdefault(given["aria-labelledby"], [])
        if tag == "td":
            self._rows += [[]] if self._new else []
            self._rows[-1].append("")
        self._new = tag == "tr" or (self._new and tag != "td")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        if not {"style", "script"}.intersection(self._open):
            self.text += data
        if "td" in self._open:
            self._rows[-1][-1] += data


#: Of a page that is not about its figures.
FEW = ["forest", "final_accuracy", "changed_by_epoch"]
#: Of a page that is not about its figures, nor about how they are written.
ONE = ["final_accuracy"]


@pytest.fixture(scope="module")
def written(study, record_in, tmp_path_factory):
    """The page of a small study and the folder that it is in."""
    place = tmp_path_factory.mktemp("page")
    results = analysis.load(record_in(place / "results", study(margin=0.5)))
    return report.write(results, place / "report", only=FEW).page


@pytest.fixture(scope="module")
def html(written):
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def _page(results, tmp_path, only=()):
    made = report.write(results, tmp_path / "report", only=only)
    assert made.failed == {}
    return Page(made.page.read_text(encoding="utf-8"))


def test_every_figure_that_applies_is_on_the_page_and_beside_it(results, tmp_path):
    page = _page(results, tmp_path)
    drawn = [path.stem for path in (tmp_path / "report").glob("*.png")]
    assert len(page.images) == len(drawn) > 8
    assert "forest" in drawn
    assert "accuracy_by_density" not in drawn
    assert "figures do not apply to this study" in page.text
    for name in drawn:
        assert f"figure-{name}" in page.ids
        png, svg = (tmp_path / "report" / f"{name}.{kind}" for kind in ("png", "svg"))
        assert png.read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in svg.read_text()
    for image in page.images:
        assert len(image["aria-label"]) > 100
        assert "viewbox" in image


def test_ids_are_unique_and_references_lead_to_them(page, html):
    assert len(page.ids) == len(set(page.ids)) > 100
    inner = [address[1:] for address in page.addresses if address.startswith("#")]
    assert len(inner) > 100
    assert set(inner) <= set(page.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(page.ids)


def test_no_address_leaves_the_folder(page, html, written):
    assert "://" not in html
    assert "@import" not in html
    assert html.count("<script>") == 1
    files = [address for address in page.addresses if not address.startswith("#")]
    assert len(files) == 6
    assert all((written.parent / name).is_file() for name in files)


def test_phone_and_dark(html):
    assert 'name="viewport"' in html
    assert "prefers-color-scheme: dark" in html


def test_counts_table_and_command(page):
    assert "6 of 6 planned trials are finished." in page.text
    assert "Unfinished" not in page.text
    cells = page.tables["cells"]
    assert [row[0] for row in cells] == ["dense", "free-pruning"]
    assert [row[-1] for row in cells] == ["3 of 3", "3 of 3"]
    assert re.fullmatch(r"\d\d\.\d\d \[\d\d\.\d\d, \d\d\.\d\d\]", cells[0][1])
    assert re.fullmatch(r"\W\d\.\d\d \[\W\d\.\d\d, \W\d\.\d\d\] \(3\)", cells[1][2])
    assert re.fullmatch(r"\d\d\.\d \[\d\d\.\d, \d\d\.\d\]", cells[1][3])
    assert "untuned run small" in page.text
    assert "untuned report small" in page.text
    assert "A small study" in page.text


def test_the_page_answers_first(page, html):
    first, second, third = (
        html.index(f'id="{name}"') for name in ("answers", "verdicts", "contents")
    )
    assert first < second < third < html.index("<figure")
    assert html[first:second].count("<li>") >= 1
    assert re.search(
        r"On lenet-300-100/digits, 3 seeds: .*\.", page.text[: page.text.index("Contents")]
    )


def test_contents_lead_to_every_section(html):
    contents = html[html.index('id="contents"') : html.index("</nav>")]
    links = re.findall(r'href="#([^"]+)"', contents)
    headings = re.findall(r'<h2 id="([^"]+)"', html)
    assert links == headings[headings.index("contents") + 1 :]


def test_verdicts_with_their_rows_and_commands(page):
    rows = page.tables["verdicts"]
    assert rows[0][0].split() == ["C1", "similar-or-higher"] or rows[0][0].startswith("C1")
    assert rows[0][1] == "free-pruning"
    assert rows[0][-1] == "exploratory"
    ids = [name for name in page.ids if name.startswith("claim-C1")]
    assert len(ids) >= 2
    pairs = [row for row in page.tables["detail"] if len(row) == 6]
    assert [row[2] for row in pairs[:3]] == ["1", "2", "3"]
    assert f"untuned verdict small --claim {ids[0].removeprefix('claim-')} --pairs" in page.text
    assert "untuned run hidden-threshold" in page.text  # for what is not tested


def test_what_is_not_tested_is_one_closed_line(html):
    (summary,) = re.findall(r"<summary>(Not tested here[^<]*)</summary>", html)
    assert re.fullmatch(r"Not tested here: \d+ claims for which the study has no cells", summary)
    before = html[: html.index(summary)]
    assert before.rstrip().endswith("<details>\n<summary>")


def test_two_studies_side_by_side(study, record, tmp_path):
    def better(trial):
        return {"test_accuracy": 0.95 + trial.seed / 1000, "changed": 0.1}

    def worse(trial):
        return {
            "test_accuracy": 0.94 + trial.seed / 1000 - (trial.seed == 3) * 0.003,
            "changed": 0.1,
        }

    uris = [
        record(study().model_copy(update={"name": name}), final, only)
        for name, final, only in (
            ("old", better, lambda t: True),
            ("new", worse, lambda t: t.method == "dense"),
        )
    ]
    several = {name: analysis.load(uri) for name, uri in zip(("old", "new"), uris, strict=True)}
    path = report.write(analysis.load(uris), tmp_path / "both", several, only=ONE).page
    page = Page(path.read_text(encoding="utf-8"))
    # differences -1, -1 and -1.3 points: mean -1.1, s = 0.1732, half = 4.303 * 0.1
    (row,) = page.tables["beside"]
    assert row == [
        "dense",
        "95.20 [94.95, 95.45] (3)",
        "94.10 [93.85, 94.35] (3)",
        "\N{MINUS SIGN}1.10 [\N{MINUS SIGN}1.53, \N{MINUS SIGN}0.67] (3)",
    ]
    assert "old, new" in page.text


def test_two_runs_of_the_same_trials_are_said_to_be_equal(study, record, tmp_path):
    uri = record(study())
    several = {"one": analysis.load(uri), "again": analysis.load(uri)}
    page = Page(
        report.write(analysis.load(uri), tmp_path / "b", several, only=ONE).page.read_text()
    )
    assert [row[-1] for row in page.tables["beside"]] == ["equal (3)", "equal (3)"]


def test_no_host(page):
    assert "secret-host" not in page.text
    assert "Machines1" in page.text.replace("\n", "")


def test_unfinished_study_says_so_at_the_top(study, record, tmp_path):
    uri = record(study(), only=lambda trial: trial.seed < 3)
    page = _page(analysis.load(uri), tmp_path, ONE)
    said = page.text.index("Unfinished: 4 of 6 planned trials are finished")
    assert said < page.text.index("The verdicts")
    assert page.tables["verdicts"][0][1:3] in (
        ["free-pruning", "undecided"],
        ["free-pruning", "open"],
    )


def test_damaged_part_is_named(study, record, tmp_path):
    uri = record(study())
    part = next(Path(uri, "trials").iterdir())
    part.write_bytes(part.read_bytes()[:-10])
    page = _page(analysis.load(uri), tmp_path, ONE)
    assert f"small/trials/{part.name}" in page.text
    assert "0 of 6 planned" in page.text
    assert "No trial is finished yet." in page.text


def test_diverged_trials_are_in_the_table(study, record, tmp_path):
    def final(trial):
        lost = trial.seed == 2
        accuracy = math.nan if lost else 0.9 + trial.seed / 1000
        return {
            "test_accuracy": accuracy,
            "changed": 0.3,
            "outcome": "diverged" if lost else "dead",
        }

    page = _page(analysis.load(record(study(), final)), tmp_path, ONE)
    assert page.tables["cells"][0][-1] == "1 diverged, 2 dead, 1 without accuracy"
    assert "diverged or dead" in page.text
    assert "lost" not in page.text


@pytest.mark.parametrize(
    "axes",
    [
        {"method": ["free-pruning"], "seeds": 1},
        {"method": ["dense"]},
        {"epochs": 0},
        {"network": ["lenet-300-100", "lenet-50"], "positive_fraction": [0.5, 0.9]},
    ],
)
def test_studies_of_any_kind(study, record, tmp_path, axes):
    loaded = analysis.load(record(study(**axes)))
    page = _page(loaded, tmp_path, ONE)
    assert "figure-final_accuracy" in page.ids
    assert len(page.tables["cells"]) == len(loaded.plan) / loaded.plan["seed"].nunique()


def test_a_description_cannot_break_the_page(study, record, tmp_path):
    nasty = study().model_copy(update={"description": 'a <b>&"bold"</b> idea <script>'})
    page = _page(analysis.load(record(nasty)), tmp_path, ONE)
    assert 'a <b>&"bold"</b> idea <script>' in page.text


def test_same_results_same_bytes_however_many_processes_draw(results, tmp_path):
    told = []

    def progress(done, count):
        told.append((done, count))

    first = report.write(results, tmp_path / "one", only=FEW).page
    with rendering.renderer(2) as renderer:
        second = report.write(
            results, tmp_path / "two", only=FEW, renderer=renderer, progress=progress
        ).page
    names = sorted(path.name for path in first.parent.iterdir())
    assert names == sorted(path.name for path in second.parent.iterdir())
    assert len(names) == 7
    for name in names:
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes()
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_a_drawing_process_that_is_killed_costs_no_figure(results, tmp_path):
    with rendering.renderer(2) as renderer:
        assert renderer._executor is not None
        pid = renderer._executor.submit(os.getpid).result()
        assert pid in renderer._executor._processes
        os.kill(pid, signal.SIGKILL)
        made = report.write(results, tmp_path / "report", only=ONE, renderer=renderer)
    assert made.failed == {}
    assert (tmp_path / "report" / "final_accuracy.png").is_file()


def test_only_the_figures_that_are_asked_for(results, tmp_path):
    page = _page(results, tmp_path, ["final_accuracy", "accuracy_by_density"])
    assert len(page.images) == 1
    assert "1 figure does not apply to this study" in page.text
    with pytest.raises(UserError, match="unknown figure"):
        report.write(results, tmp_path / "report", only=["nowhere"])


def test_folder_that_cannot_be_made(results, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="report folder"):
        report.write(results, tmp_path / "taken")


def test_wall_time_is_that_in_which_a_trial_ran():
    # 10 s from 0, 4 s within it, 5 s of which one overlaps its end, and 2 s after a pause
    ends = pd.to_datetime([10, 6, 14, 102], unit="s", utc=True).as_unit("us")
    trials = pd.DataFrame({"finished_at": ends, "seconds": [10.0, 4.0, 5.0, 2.0]})
    assert wall_seconds(trials) == 10 + 4 + 2


def counted(trial):
    """Final figures with all that is counted per layer."""
    layers = {"connected": (9_000, 20_000, 900), "live": (8_000, 15_000, 800)}
    figures_of_it = {"test_accuracy": 0.9 + 0.01 * trial.seed, "changed": 0.1}
    return figures_of_it | {"layers": layers | {"live_changed": (0, 10, 20)}}


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "dense"},
        {"method": "free-pruning"},
        {"method": ["dense", "free-flipping"], "seeds": 1},
        {"method": ["dense", "free-pruning"], "epochs": 1, "labels": "permuted"},
        {"method": "edge-popup", "density": [0.3, 0.5], "epochs": 0},
    ],
)
def test_every_figure_of_a_study_that_holds_little_is_drawn_or_skipped(
    study, record, tmp_path, fields
):
    made = report.write(analysis.load(record(study(**fields), counted)), tmp_path / "report")
    assert made.failed == {}
    page = Page(made.page.read_text(encoding="utf-8"))
    assert len(page.images) >= 1
    assert "could not be drawn" not in page.text


def test_a_study_without_a_finished_trial_has_a_page(study, record, tmp_path):
    loaded = analysis.load(record(study(), only=lambda trial: False))
    made = report.write(loaded, tmp_path / "report")
    assert made.failed == {}
    assert "0 of 6 planned trials are finished" in Page(made.page.read_text()).text


def test_a_figure_that_fails_leaves_a_named_gap_and_its_traceback(results, tmp_path, monkeypatch):
    source = "ORDER = 1\ndef summarise(results): ...\n"
    source += "def draw(summary):\n    raise ValueError('a <bad> figure')\n"
    (tmp_path / "broken.py").write_text(source)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    made = report.write(results, tmp_path / "report", only=["broken", "final_accuracy"])
    assert made.failed == {"broken": tmp_path / "report" / "failed-figure-broken.log"}
    assert "ValueError: a <bad> figure" in made.failed["broken"].read_text()
    page = Page(made.page.read_text(encoding="utf-8"))
    assert "The figure broken could not be drawn: ValueError: a <bad> figure." in page.text
    assert {"figure-broken", "figure-final_accuracy"} <= set(page.ids)


@pytest.mark.parametrize(
    ("rest", "error"),
    [
        ("raise RuntimeError('at import')", "at import"),
        ("raise SystemExit(3)", "SystemExit"),
        ("import there_is_no_such_package", "there_is_no_such_package"),
        ("def find(results):\n    raise ValueError('no finding')", "ValueError: no finding"),
        ("def find(results):\n    raise SystemExit(3)", "SystemExit: 3"),
        ("def find(results):\n    return 'a text'", "find() returns a str, not a Finding"),
    ],
)
def test_a_figure_that_is_not_imported_or_has_no_finding_leaves_a_gap(
    results, tmp_path, monkeypatch, rest, error
):
    source = """
def summarise(results): ...
def draw(summary):
    from analysis.drawing import Drawing
    from matplotlib.figure import Figure
    return Drawing(Figure(), "New", "A figure.", "")
"""
    (tmp_path / "foreign_figure.py").write_text(source + rest)
    foreign = components.Component("figure", "foreign", "foreign_figure", tmp_path, {})
    monkeypatch.setattr(figures, "by_entry_point", lambda *_: [foreign])
    monkeypatch.syspath_prepend(str(tmp_path))
    made = report.write(results, tmp_path / "report", only=["foreign", "final_accuracy"])
    sys.modules.pop("foreign_figure", None)
    assert list(made.failed) == ["foreign"]
    assert error in made.failed["foreign"].read_text()
    page = Page(made.page.read_text(encoding="utf-8"))
    assert "The figure foreign could not be drawn: " in page.text
    assert {"figure-foreign", "figure-final_accuracy"} <= set(page.ids)


@pytest.mark.parametrize("error", ["FileNotFoundError('mine.csv')", "OSError(5, 'of its own')"])
def test_a_figure_that_cannot_read_something_leaves_a_gap_too(
    results, tmp_path, monkeypatch, error
):
    source = f"ORDER = 1\ndef summarise(results):\n    raise {error}\n"
    (tmp_path / "reader.py").write_text(source)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "reader.log").write_text("the user's own")
    assert list(report.write(results, tmp_path / "report", only=["reader"]).failed) == ["reader"]
    assert (tmp_path / "report" / "reader.log").read_text() == "the user's own"


def test_parts_that_were_merged_meanwhile_are_read_again_and_no_gap(results, tmp_path, monkeypatch):
    source = "import duckdb\nORDER = 1\n"
    source += "def summarise(results):\n    raise duckdb.IOException('gone')\n"
    (tmp_path / "merged.py").write_text(source)
    monkeypatch.setattr(figures, "__path__", [*figures.__path__, str(tmp_path)])
    with pytest.raises(duckdb.IOException):  # on which the command loads the results again
        report.write(results, tmp_path / "report", only=["merged"])
