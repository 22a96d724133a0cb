"""The notebook runs on results of a short study."""

import re
import shutil

import nbformat
from docs_support import ROOT
from nbclient import NotebookClient

from analysis.verdicts.claims import every_claim
from analysis.verdicts.verdict import EXPLORATORY

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_the_notebook_runs(digits_study, environment, tmp_path):
    (tmp_path / "docs").mkdir()
    shutil.copytree(digits_study / "results", tmp_path / "results")
    notebook = nbformat.read(NOTEBOOK, 4)
    where = {"metadata": {"path": str(tmp_path / "docs")}}
    client = NotebookClient(
        notebook, timeout=None, startup_timeout=1800, kernel_name="python3", resources=where
    )
    client.execute(env=environment)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", []) if "data" in o]
    assert any("image/png" in output["data"] for output in outputs)


def test_the_notebook_is_saved_with_its_outputs():
    notebook = nbformat.read(NOTEBOOK, 4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in cells if "import" not in cell.source.splitlines()[-1])
    assert "/home/" not in NOTEBOOK.read_text()
    assert NOTEBOOK.stat().st_size < 200_000
    # The saved verdicts are in today's words: digits supports nothing.
    texts = [output["text"] for cell in cells for output in cell.outputs if "text" in output]
    lines = [line.split() for text in texts for line in text.splitlines()]
    found = [words for words in lines if len(words) > 3 and re.fullmatch(r"C\d+\S*", words[0])]
    assert found
    assert {words[0] for words in found} <= {claim.id for claim in every_claim()}
    assert {words[3] for words in found} <= set(EXPLORATORY.values())
