"""The files that other programs and sites read: citation, workflow, templates, metadata."""

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from docs_support import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW = ".github/workflows/ci.yml"
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))


def read(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("citation-file-format", ["CITATION.cff"]),
        ("github-workflows", [WORKFLOW]),
        ("github-issue-config", [".github/ISSUE_TEMPLATE/config.yml"]),
        ("github-issue-forms", [str(path.relative_to(ROOT)) for path in FORMS]),
    ],
)
def test_a_file_follows_its_schema(schema, paths):
    assert paths
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    run = subprocess.run([*command, *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_citation_names_this_version_and_the_paper():
    citation = read("CITATION.cff")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert [paper["url"] for paper in citation["references"]] == [PROJECT["urls"]["Paper"]]


def test_the_workflow_runs_the_whole_check_on_every_python_from_the_oldest():
    workflow = read(WORKFLOW)
    (job,) = workflow["jobs"].values()
    versions = job["strategy"]["matrix"]["python-version"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert versions == [f"3.{minor}" for minor in range(11, 11 + len(versions))]
    tested = [re.fullmatch(r".* :: (3\.\d+)", line) for line in PROJECT["classifiers"]]
    assert {match[1] for match in tested if match} <= set(versions)


def test_the_only_address_is_that_of_the_paper():
    assert PROJECT["urls"] == {"Paper": "https://arxiv.org/abs/2006.16627"}
