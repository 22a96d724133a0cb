"""The notebook runs on results of a short study."""

import shutil

import nbformat
from docs_support import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def test_the_notebook_runs(digits_study, environment, tmp_path):
    (tmp_path / "docs").mkdir()
    shutil.copytree(digits_study / "results", tmp_path / "results")
    notebook = nbformat.read(NOTEBOOK, 4)
    where = {"metadata": {"path": str(tmp_path / "docs")}}
    client = NotebookClient(notebook, timeout=200, kernel_name="python3", resources=where)
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
