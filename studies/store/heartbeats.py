"""Heartbeats: a small JSON file for each run of a study, written anew every few seconds."""

import contextlib

from studies.store.folder import Folder


class Heartbeats:
    """The heartbeats in a study's folder.

    Args:
        folder: of the study's results.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write(self, run: str, content: bytes) -> None:
        """Replace a run's heartbeat.

        Raises:
            OSError: it could not be written.
        """
        self._folder.put(f"_workers/{run}.json", content)

    def read_all(self) -> dict[str, bytes]:
        """Return the heartbeats by the names of their runs, sorted.

        Raises:
            UserError: they cannot be listed.
        """
        heartbeats = {}
        for name in self._folder.names("_workers", ".json"):
            with contextlib.suppress(OSError):  # the run has ended meanwhile
                heartbeats[name.removesuffix(".json")] = self._folder.get(f"_workers/{name}")
        return heartbeats

    def remove(self, run: str) -> None:
        """Delete a run's heartbeat, if it has one.

        Raises:
            OSError: it could not be deleted.
        """
        with contextlib.suppress(FileNotFoundError):
            self._folder.delete(f"_workers/{run}.json")
