"""`make gpu` without a GPU: it ends in one line, and a rehearsal runs all of it on a CPU."""

import json
import sys
import tarfile
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

import gpu

STUDY = """\
seeds: 1
axes: {network: lenet-16, dataset: digits, epochs: 1, weights: he-constant}
grids:
  - {method: [dense, free-pruning]}
"""


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(STUDY)
    threads = torch.get_num_threads()
    yield path
    torch.set_num_threads(threads)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_ends_in_one_line(study, tmp_path, capsys):
    out = tmp_path / "out"
    assert gpu.main(["--study", str(study), "--study", "threshold-conv2", "--out", str(out)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("make gpu: all that needs no GPU is in order; threshold-conv2 is left")
    assert line.endswith("PyTorch sees no GPU here")
    assert not out.exists()


def test_a_time_that_is_over_leaves_what_there_is(study, tmp_path, capsys):
    arguments = ["--device", "cpu", "--rehearse", "--study", str(study), "--minutes", "1e-9"]
    assert gpu.main([*arguments, "--out", str(tmp_path)]) == 0
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    groups = ["equality", "equality", "limits", "limits"]
    assert [row["group"] for row in rows] == groups
    assert [row["measure"] for row in rows][1::2] == ["the rest: no time"] * 2
    assert "CUDA graph = eager" in (tmp_path / "table.txt").read_text()


@pytest.mark.slow
def test_a_rehearsal_runs_all_of_it(study, tmp_path, capsys):
    arguments = ["--device", "cpu", "--rehearse", "--study", str(study), "--minutes", "60"]
    assert gpu.main([*arguments, "--out", str(tmp_path)]) == 0
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    held = [row["value"] for row in rows if row["wanted"] == "at least 1"]
    assert held == [1.0] * len(held)
    assert len(held) > 50
    assert (rows[-1]["measure"], rows[-1]["value"]) == ("own, trials in results.tar", 2.0)
    with tarfile.open(tmp_path / "results.tar") as tar:
        assert any(name.startswith("own/trials/") for name in tar.getnames())
