"""The answers to questions beside the claims: sentences and tables from made-up results."""

import importlib
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import figures
from analysis.estimates.intervals import grouped
from analysis.estimates.one_factor import one_at_a_time
from analysis.estimates.pairing import contrast
from analysis.questions._finding import difference, level
from analysis.questions.transfer import transferred
from analysis.report import write
from analysis.report.questions import findings

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package

from controls_support import STUDIES, final


@pytest.fixture
def found(study, record):
    """The finding that a study is about."""

    def make(name, **given):
        results = analysis.load(record(study(**STUDIES[name], **given), final))
        return importlib.import_module(f"analysis.questions.{name}").find(results)

    return make


@pytest.mark.parametrize("name", list(STUDIES))
def test_each_has_sentences_and_a_table_of_its_headings(found, name):
    finding = found(name)
    assert finding.sentences
    assert finding.rows
    assert {len(row) for row in finding.rows} == {len(finding.headings)}
    assert all(text.endswith(".") and "nan" not in text for text in finding.sentences)


@pytest.mark.parametrize("name", list(STUDIES))
def test_one_seed_has_no_interval(found, name):
    finding = found(name, seeds=1)
    assert not any("[" in text for text in finding.sentences)
    assert not any("includes zero" in text for text in finding.sentences)


def test_other_studies_have_none(results):
    assert findings(results, figures.names()) == ({}, {})


def test_a_section_stands_on_the_page_with_its_figure(study, record, tmp_path):
    asked = study(seeds=1, method="free-pruning", labels=["given", "permuted"])
    results = analysis.load(record(asked, final))
    page = write(results, tmp_path / "report", only=["random_labels"]).page.read_text()
    section = page[page.index('id="question-memorised"') :]
    assert "How much can be memorised?" in section
    assert "free-pruning, permuted labels:" in section
    assert section.index("Table (2 rows)") < section.index('id="figure-random_labels"')


def test_a_permuted_mask_that_does_as_well_is_said_to(study, record):
    def same(trial):
        out = final(trial)
        if trial.method != "dense":
            out["row"]["permuted_accuracy"] = out["test_accuracy"] + 0.001 * (trial.seed - 2)
        return out

    results = analysis.load(record(study(seeds=3), same))
    (text,) = findings(results, ["mask_controls"])[0]["mask_controls"].sentences
    minus = "\N{MINUS SIGN}"
    assert f"mask permuted: 0.0 [{minus}0.2, +0.2] points (interval includes zero)" in text
    assert re.search(r"weights redrawn: .* points \(interval below zero\)", text)


def _table(*means, half=0.01, n=3):
    return pd.DataFrame([{"mean": m, "low": m - half, "high": m + half, "n": n} for m in means])


def test_numbers_in_sentences():
    minus = "\N{MINUS SIGN}"
    assert level(_table(0.38)) == "38.0% [37.0, 39.0]"
    assert level(_table(0.38, 0.4)) == "38.0 to 40.0%"
    assert difference(_table(0.02)) == "+2.0 [+1.0, +3.0] points (interval above zero)"
    assert difference(_table(-0.005)) == (
        f"{minus}0.5 [{minus}1.5, +0.5] points (interval includes zero)"
    )
    assert difference(_table(0.02, 0.0)) == (
        "0.0 to +2.0 points (interval above zero in 1, interval includes zero in 1 of 2 cells)"
    )
    assert difference(_table(0.0, n=0)) == "no pair"


def test_seeds_that_agree_have_no_interval_that_could_be_above_zero():
    rows = pd.DataFrame({"cell": ["a"] * 3, "difference": [0.0028] * 3})
    table = grouped(rows, ["cell"], "difference")
    assert difference(table) == "+0.3 points (all seeds equal, no interval)"


def test_contrast_by_hand():
    rows = pd.DataFrame({"seed": [1, 2, 1], "kind": ["a", "a", "b"], "x": [3.0, 4.0, 1.0]})
    pairs = contrast(rows, ["seed"], "kind", "a", "b", "x")
    assert pairs.to_dict("records") == [{"seed": 1, "difference": 2.0}]


def test_one_thing_at_a_time():
    rows = pd.DataFrame(
        [{"width": w, "epochs": 10} for w in (0.5, 1, 2)] + [{"width": 1, "epochs": 3}]
    )
    lines = {
        axis: own.to_numpy().tolist() for axis, own in one_at_a_time(rows, ["width", "epochs"])
    }
    assert lines == {
        "width": [[0.5, 10], [1, 10], [2, 10]],
        "epochs": [[1, 10], [1, 3]],
    }
    assert one_at_a_time(rows.iloc[:0], ["width"]) == []


def test_of_places_with_equally_many_values_that_at_the_defaults_is_shown_then_the_largest():
    fields = ["width", "score_offset", "epochs"]
    rows = pd.DataFrame(
        [
            {"width": width, "score_offset": offset, "epochs": epochs}
            for offset, epochs in ((0.5, 30), (0.0, 3), (0.0, 10))
            for width in (1.0, 2.0)
        ]
    )
    (width, *_) = one_at_a_time(rows, fields)
    assert width[0] == "width"
    assert width[1].to_numpy().tolist() == [[1, 0, 10], [2, 0, 10]]


def test_several_sources_are_several_kinds(study, record):
    asked = study(source=["", "mnist", "kmnist"], trained_layers=["all", "output"])
    kinds = transferred(analysis.load(record(asked, final))).kinds
    assert kinds == (
        "from scratch",
        "carried over, all trained on (after kmnist)",
        "carried over, all trained on (after mnist)",
        "carried over, output layer trained (after kmnist)",
        "carried over, output layer trained (after mnist)",
        "random features",
    )
