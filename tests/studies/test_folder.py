import pytest

from studies.errors import UserError
from studies.store.folder import Folder, folders_with


@pytest.fixture
def folder(tmp_path):
    return Folder(str(tmp_path), "own")


def test_files_come_back(folder, tmp_path):
    folder.put("deep/in/a.txt", b"a")
    assert folder.get("deep/in/a.txt") == b"a"
    assert (tmp_path / "own/deep/in/a.txt").read_bytes() == b"a"
    folder.put("deep/in/a.txt", b"b")
    assert folder.get("deep/in/a.txt") == b"b"


def test_names_are_sorted_and_hidden_files_left_out(folder):
    for name in ("b.txt", "a.txt", "_c.txt", ".d.txt", "e.yaml"):
        folder.put(f"in/{name}", b"")
    folder.put("in/f.txt/file", b"")  # a folder is no file
    assert folder.names("in", ".txt") == ["a.txt", "b.txt"]
    assert folder.names("nowhere", ".txt") == []


def test_files_are_moved_and_deleted(folder):
    folder.put("in/a", b"a")
    folder.move("in/a", "_out/b")
    assert folder.get("_out/b") == b"a"
    with pytest.raises(FileNotFoundError):
        folder.get("in/a")
    folder.delete("_out/b")
    with pytest.raises(FileNotFoundError):
        folder.delete("_out/b")


def test_folders_are_found_by_what_is_in_them(tmp_path):
    for name, inside in (("b", "definitions"), ("a", "definitions"), ("c", "other")):
        Folder(str(tmp_path), name).put(f"{inside}/file", b"")
    assert folders_with(str(tmp_path), "definitions") == ["a", "b"]
    assert folders_with(str(tmp_path / "nowhere"), "definitions") == []


def test_uris_that_cannot_be_opened():
    with pytest.raises(UserError, match=r"results nonsense://x: .*give a folder or s3://"):
        folders_with("nonsense://x", "definitions")
