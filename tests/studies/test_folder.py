import os
import stat

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


def test_what_must_last_is_on_the_disk_and_so_is_its_name(folder, monkeypatch):
    synced, real = [], os.fsync

    def noting(number):
        synced.append("folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file")
        real(number)

    monkeypatch.setattr(os, "fsync", noting)
    folder.put("in/a", b"a")
    assert synced == []
    folder.put("in/a", b"b", lasting=True)
    assert synced == ["file", "folder"]


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


class Noting:
    """A filesystem that notes which folders it deletes."""

    def __init__(self, fs):
        self._fs, self.deleted = fs, []

    def delete_dir(self, path):
        self.deleted.append(path.rpartition("/")[2])
        self._fs.delete_dir(path)

    def __getattr__(self, name):
        return getattr(self._fs, name)


def test_what_shows_that_a_study_is_there_is_deleted_last(folder, tmp_path):
    for name in ("a", "definitions", "z"):
        folder.put(f"{name}/file", b"")
    folder.put("file", b"")
    folder._fs = Noting(folder._fs)
    folder.delete_all("definitions")
    assert sorted(folder._fs.deleted[:-1]) == ["a", "z"]
    assert folder._fs.deleted[-1] == "own"  # the definitions with it
    assert list(tmp_path.iterdir()) == []


def test_folders_are_found_by_what_is_in_them(tmp_path):
    for name, inside in (("b", "definitions"), ("a", "definitions"), ("c", "other")):
        Folder(str(tmp_path), name).put(f"{inside}/file", b"")
    assert folders_with(str(tmp_path), "definitions") == ["a", "b"]
    assert folders_with(str(tmp_path / "nowhere"), "definitions") == []


def test_the_folder_of_one_study_is_no_folder_of_all_results(tmp_path):
    for name in ("own", "definitions"):  # a study may have this name
        Folder(str(tmp_path), name).put("definitions/0123456789ab.yaml", b"")
    assert folders_with(str(tmp_path), "definitions") == ["definitions", "own"]
    for inside in ("definitions", "trials"):
        with pytest.raises(UserError, match=r"own: holds the results of one study; give the fold"):
            folders_with(str(tmp_path / "own"), inside)


def test_a_folder_of_another_program_with_yaml_files_is_no_study(tmp_path):
    (tmp_path / "definitions").mkdir()
    for name in ("notes.yaml", "0123456789ab.yml", "0123456789abc.yaml", "0123456789AB.yaml"):
        (tmp_path / "definitions" / name).write_text("")
    assert folders_with(str(tmp_path), "definitions") == []


@pytest.mark.parametrize("name", ["o\0wn", "o\nwn", "\udcff"])
def test_names_that_no_folder_can_have_are_refused(name, tmp_path):
    with pytest.raises(UserError, match="has a control character, or bytes that are not UTF-8"):
        Folder(str(tmp_path), name)


def test_uris_that_cannot_be_opened():
    with pytest.raises(UserError, match=r"results nonsense://x: .*give a folder or s3://"):
        folders_with("nonsense://x", "definitions")
