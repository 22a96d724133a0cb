"""Study files that the documentation shows are studies."""

import pytest
from docs_support import PAGES, ROOT, blocks

from orchestrator import plan
from studies import strict_yaml, tuned
from studies.study import find, from_mapping

SHOWN = [b for page in PAGES for b in blocks(page) if b.language == "yaml" and "seeds:" in b.code]


@pytest.mark.parametrize("block", SHOWN, ids=[block.name for block in SHOWN])
def test_a_study_file_that_is_shown_can_be_run(block):
    study = from_mapping({"name": "shown"} | strict_yaml.load(block.code), block.name)
    assert plan.check(tuned.expected(study))


def test_two_are_shown():
    assert len(SHOWN) >= 2


def table(heading):
    """Return the rows of the first table of the plan below a heading, as cells without marks."""
    text = (ROOT / "docs" / "plan.md").read_text().partition(f"## {heading}\n")[2]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    end = next((n for n, line in enumerate(lines) if n > 1 and set(line) <= set("|-: ")), None)
    rows = lines[2 : end - 1 if end else None]
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]


def test_the_plan_has_the_margins_and_seeds_of_the_studies():
    rows = table("The studies")
    assert len(rows) == 6
    for name, _, _, margin, fresh, tuning, _ in rows:
        study = find(name)
        assert margin == f"{study.margin} points"
        assert fresh == study.seeds
        seeds = study.all_tuning_seeds
        assert seeds or tuning == "none"
        assert all(str(seed) in tuning for seed in (*seeds[:1], *seeds[-1:]))
        assert tuning.endswith("common") == (seeds != [] and study.tuning_seeds_of(1001) == seeds)


def test_the_plan_has_the_numbers_of_trials_of_the_studies():
    rows = table("Costs")
    assert len(rows) == 6
    for name, on_tuning, on_fresh, *_ in rows:
        study = find(name)
        trials = tuned.expected(study).trials()
        fresh = sum(trial.seed in study.confirmatory_seeds for trial in trials)
        assert (int(on_tuning or 0), int(on_fresh)) == (len(trials) - fresh, fresh), name
