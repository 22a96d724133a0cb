"""A study of images of one's own, through the command line on a real Ray."""

import shutil

import pytest
from tests_support import untuned

from studies.store import Store

STUDY = """\
seeds: 2
data: {{pets: 'folder:{folder}'}}
axes:
  network: [conv2, resnet8]
  dataset: pets
  epochs: 1
  method: free-pruning
  weights: he-constant
"""


def rows(place):
    return Store(str(place / "results"), "own").tables.read("trials").rows.to_pylist()


@pytest.mark.slow
def test_a_study_names_its_images_and_the_trials_do_not_know_where_they_lie(tmp_path, pets):
    shutil.copytree(pets, tmp_path / "images")
    (tmp_path / "own.yaml").write_text(STUDY.format(folder="images"))
    answer = untuned("run", tmp_path / "own.yaml", "--workers", 1, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert {row["dataset"] for row in rows(tmp_path)} == {"pets"}
    assert "4 of 4 trials finished, 0 failed" in untuned("status", "own", cwd=tmp_path).stdout

    # The images move: the same trials, nothing to do; other images: refused.
    shutil.move(tmp_path / "images", tmp_path / "moved")
    (tmp_path / "own.yaml").write_text(STUDY.format(folder="moved"))
    assert "nothing to do" in untuned("run", "own.yaml", cwd=tmp_path).stdout
    answer = untuned("run", "own.yaml", "--seeds", 3, "--data", "pets=folder:gone", cwd=tmp_path)
    assert answer.returncode == 2
    assert f"data set folder:{tmp_path}/gone: no such folder" in answer.stderr
    next((tmp_path / "moved" / "cat").iterdir()).unlink()
    answer = untuned("run", "own.yaml", "--seeds", 3, cwd=tmp_path)
    assert answer.returncode == 2
    assert "is not the one that the finished trials were trained on" in answer.stderr
    assert len(rows(tmp_path)) == 4
