"""Every field and column that the glossary names exists."""

import re

import pytest
from docs_support import ROOT

from studies.schemas import TABLES
from studies.trial import FIELDS

RECORDED = {*FIELDS, *(name for schema in TABLES.values() for name in schema.names)}
ROWS = re.findall(
    r"^\| ([^|]+) \| [^|]+ \| *([^|]*)\|$", (ROOT / "docs" / "glossary.md").read_text(), re.M
)
NAMED = [(term, name) for term, cell in ROWS for name in re.findall(r"`([^`]+)`", cell)]


def test_the_glossary_has_rows_with_names_and_rows_without():
    terms = dict(ROWS)
    assert terms["density"].strip() == "`density`"
    assert terms["cell"].strip() == ""


@pytest.mark.parametrize(("term", "name"), NAMED)
def test_a_name_in_the_glossary_is_a_field_or_a_column(term, name):
    assert name in RECORDED, term
