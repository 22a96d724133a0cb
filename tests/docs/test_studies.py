"""Study files that the documentation shows are studies."""

import pytest
from docs_support import PAGES, blocks

from orchestrator import plan
from studies import strict_yaml, tuned
from studies.study import from_mapping

SHOWN = [b for page in PAGES for b in blocks(page) if b.language == "yaml" and "seeds:" in b.code]


@pytest.mark.parametrize("block", SHOWN, ids=[block.name for block in SHOWN])
def test_a_study_file_that_is_shown_can_be_run(block):
    study = from_mapping({"name": "shown"} | strict_yaml.load(block.code), block.name)
    assert plan.check(tuned.expected(study))


def test_two_are_shown():
    assert len(SHOWN) >= 2
