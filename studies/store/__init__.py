"""The results of one study on any filesystem that pyarrow opens: the only place that forms paths.

    RESULTS/STUDY/definitions/<hash>.yaml                 every definition that was run
    RESULTS/STUDY/{layers,epochs,trials,failures}/<writer>-<n>-<sha>.parquet
    RESULTS/STUDY/networks/<trial>-<sha>.safetensors      trained networks, where they are kept
    RESULTS/STUDY/_logs/<name>.log                        tracebacks
    RESULTS/STUDY/_checkpoints/<key>-<sha>.safetensors    of trials that are not finished
    RESULTS/STUDY/_workers/<name>.json                    heartbeats of the runs (an older name)
    RESULTS/STUDY/_damaged/<table>-<part>                 damaged parts that were set aside
    RESULTS/STUDY/_dropped/<hash>.yaml                    definitions that were given up
    RESULTS/STUDY/forgotten/<sha>.yaml                    trials that were dropped

A part appears whole or not at all, and its name contains the SHA-256 of its bytes, which shows a
truncated part or a single flipped bit. Nothing is ever rewritten: to merge parts, a new part is
written that lists those it replaces (`studies.store.part_files`).
"""

import contextlib
from pathlib import Path

from studies.store.checkpoints import Checkpoints
from studies.store.definitions import Definitions, unwritable
from studies.store.folder import Folder, folders_with
from studies.store.forgotten import Forgotten
from studies.store.heartbeats import Heartbeats
from studies.store.networks import Networks
from studies.store.tables import Tables

__all__ = ["Store", "studies_in"]


class Store:
    """The results of one study.

    Args:
        results: a folder, or a URI such as ``s3://bucket/folder``.
        study: the study's name.

    Attributes:
        study: the study's name.
        root: the path of the study's folder on its filesystem.
        uri: the path or URI of the study's folder.
        tables: the Parquet tables.
        definitions: every definition that was run.
        heartbeats: of the runs of the study.
        checkpoints: of trials that are not finished.
        networks: trained networks, if they are kept.
        forgotten: the trials that were dropped.

    Raises:
        UserError: the URI cannot be opened.
    """

    def __init__(self, results: str, study: str) -> None:
        self.study = study
        self._folder = folder = Folder(results, study)
        self.root, self.uri = folder.root, folder.uri
        self.tables = Tables(folder)
        self.definitions = Definitions(folder)
        self.heartbeats = Heartbeats(folder)
        self.checkpoints = Checkpoints(folder)
        self.networks = Networks(folder)
        self.forgotten = Forgotten(folder)

    @property
    def local_path(self) -> Path | None:
        """The study's folder if it is on a local disk, else None."""
        return Path(self.root) if self._folder.is_local else None

    def beside(self, name: str) -> bytes | None:
        """Return the bytes of a file beside the studies' folders; None if it cannot be read."""
        with contextlib.suppress(OSError):
            return self._folder.beside(name)
        return None

    def check_place(self) -> None:
        """Refuse results that no run can go on with.

        Raises:
            UserError: the folder of all results is a study's own, so that all trials would be run
                again in it; it cannot be listed; or a recorded definition cannot be read.
        """
        self._folder.check_place()
        self.definitions.all()

    def check_writable(self) -> None:
        """Check that results can be written; nothing of the check stays.

        Raises:
            UserError: the folder cannot be created or written to, or is not for results.
        """
        try:
            self._folder.try_writing()
        except OSError as error:
            raise unwritable(self._folder, error) from None
        self.check_place()

    def size(self) -> int:
        """Return the bytes of all of its files.

        Raises:
            UserError: they cannot be listed.
        """
        return self._folder.size()

    def delete(self) -> None:
        """Delete all of the study's results, the definitions last.

        Raises:
            OSError: something could not be deleted; to delete again goes on.
        """
        self._folder.delete_all("definitions")

    def log(self, name: str, text: str) -> str:
        """Write a log file and return its path or URI."""
        self._folder.put(f"_logs/{name}.log", text.encode(errors="replace"))
        return self._folder.place(f"_logs/{name}.log")


def studies_in(results: str) -> list[str]:
    """Return the names of the studies that have results under a folder or URI.

    Raises:
        UserError: it cannot be listed.
    """
    return folders_with(results, "definitions")
