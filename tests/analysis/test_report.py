"""The page, parsed: complete, self-contained, true to the counts."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import analysis
from analysis import figures, report
from studies.errors import UserError

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects ids, addresses and texts, and checks that tags are closed in order."""

    def __init__(self, html: str):
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.images: list[dict[str, str]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("href", "src", "xlink:href") if name in given]
        if given.get("role") == "img":
            self.images.append(given)
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        if "style" not in self._open:
            self.text += data
        if "td" in self._open:
            self.rows[-1][-1] += data


@pytest.fixture
def page(results, tmp_path):
    return _page(results, tmp_path)


def _page(results, tmp_path):
    path = report.write(results, tmp_path / "report")
    return Page(path.read_text(encoding="utf-8"))


def test_every_figure_is_on_the_page_and_beside_it(page, tmp_path):
    drawn = [name for name in figures.names() if name != "accuracy_by_density"]
    assert len(page.images) == len(drawn) == 5
    for name in drawn:
        assert f"figure-{name}" in page.ids
        png, svg = (tmp_path / "report" / f"{name}.{kind}" for kind in ("png", "svg"))
        assert png.read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in svg.read_text()
    for image in page.images:
        assert "n = 3 seeds" in image["aria-label"]
        assert "viewbox" in image


def test_ids_are_unique_and_references_lead_to_them(page, tmp_path):
    assert len(page.ids) == len(set(page.ids)) > 100
    inner = [address[1:] for address in page.addresses if address.startswith("#")]
    assert len(inner) > 100
    assert set(inner) <= set(page.ids)
    html = (tmp_path / "report" / "report.html").read_text()
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(page.ids)


def test_no_address_leaves_the_folder(page, tmp_path):
    html = (tmp_path / "report" / "report.html").read_text()
    assert "://" not in html
    assert "@import" not in html
    assert "<script" not in html
    files = [address for address in page.addresses if not address.startswith("#")]
    assert len(files) == 10
    assert all((tmp_path / "report" / name).is_file() for name in files)


def test_phone_and_dark(page, tmp_path):
    html = (tmp_path / "report" / "report.html").read_text()
    assert 'name="viewport"' in html
    assert "prefers-color-scheme: dark" in html


def test_counts_table_and_command(page):
    assert "6 of 6 planned trials are finished." in page.text
    assert "Unfinished" not in page.text
    cells = [row for row in page.rows if row]
    assert [row[0] for row in cells] == ["dense", "free-pruning"]
    assert [row[-1] for row in cells] == ["3 of 3", "3 of 3"]
    assert re.fullmatch(r"\d\d\.\d\d ± \d\.\d\d", cells[0][1])
    assert re.fullmatch(r"\W\d\.\d\d ± \d\.\d\d \(3\)", cells[1][2])
    assert re.fullmatch(r"\d\d\.\d ± \d\.\d", cells[1][3])
    assert "untuned run small" in page.text
    assert "untuned report small" in page.text
    assert "A small study" in page.text


def test_no_verdict_words_and_no_host(page):
    assert not re.search("supported|refuted|proves|undecided", page.text, re.IGNORECASE)
    assert "secret-host" not in page.text
    assert "Machines1" in page.text.replace("\n", "")


def test_unfinished_study_says_so_at_the_top(study, record, tmp_path):
    uri = record(study(), only=lambda trial: trial.seed < 3)
    page = _page(analysis.load(uri), tmp_path)
    said = page.text.index("Unfinished: 4 of 6 planned trials are finished")
    assert said < page.text.index("What came out")


def test_damaged_part_is_named(study, record, tmp_path):
    uri = record(study())
    part = next(Path(uri, "trials").iterdir())
    part.write_bytes(part.read_bytes()[:-10])
    page = _page(analysis.load(uri), tmp_path)
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

    page = _page(analysis.load(record(study(), final)), tmp_path)
    assert page.rows[1][-1] == "1 diverged, 2 dead, 1 without accuracy"


@pytest.mark.parametrize(
    ("axes", "left_out"),
    [
        ({"seeds": 1}, 1),  # the figure for studies of densities
        ({"method": ["free-pruning"]}, 2),
        ({"method": ["dense"]}, 4),
        ({"epochs": 0}, 2),
        ({"network": ["lenet-300-100", "lenet-50"], "positive_fraction": [0.5, 0.9]}, 1),
        ({"grids": [{"method": "dense"}, {"method": "edge-popup", "density": [0.2, 0.4]}]}, 0),
    ],
)
def test_studies_of_any_kind(study, record, tmp_path, axes, left_out):
    page = _page(analysis.load(record(study(**axes))), tmp_path)
    assert len(page.images) == 6 - left_out
    assert ("Figures that do not apply" in page.text) == (left_out > 0)


def test_a_description_cannot_break_the_page(study, record, tmp_path):
    nasty = study().model_copy(update={"description": 'a <b>&"bold"</b> idea <script>'})
    page = _page(analysis.load(record(nasty)), tmp_path)
    assert 'a <b>&"bold"</b> idea <script>' in page.text


def test_same_results_same_bytes(results, tmp_path):
    first = report.write(results, tmp_path / "one")
    second = report.write(results, tmp_path / "two")
    names = sorted(path.name for path in first.parent.iterdir())
    assert names == sorted(path.name for path in second.parent.iterdir())
    assert len(names) == 11
    for name in names:
        assert (first.parent / name).read_bytes() == (second.parent / name).read_bytes()


def test_folder_that_cannot_be_made(results, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="report folder"):
        report.write(results, tmp_path / "taken")
