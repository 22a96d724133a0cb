"""Files of trained networks, named after their trial and their own bytes."""

import contextlib

from studies.errors import UserError
from studies.store.folder import Folder
from studies.store.part_files import digest


class Networks:
    """The trained networks in a study's folder.

    Args:
        folder: of the study's results.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def save(self, trial_id: str, content: bytes) -> None:
        """Write the file of a trial's network.

        Raises:
            OSError: it could not be written; nothing of it is visible then.
        """
        self._folder.put(f"networks/{_name(trial_id, content)}", content)

    def ids(self) -> frozenset[str]:
        """Return the ids of the trials whose networks are kept.

        Raises:
            UserError: the networks cannot be listed.
        """
        names = self._folder.names("networks", ".safetensors")
        return frozenset(name.rpartition("-")[0] for name in names)

    def load(self, trial_id: str) -> bytes | None:
        """Return the file of a trial's network; None if it was not kept.

        Raises:
            UserError: the networks cannot be listed, or the file is damaged or cannot be read.
        """
        every = self._folder.names("networks", ".safetensors")
        names = [name for name in every if name.startswith(f"{trial_id}-")]
        for name in names:
            with contextlib.suppress(OSError):
                content = self._folder.get(f"networks/{name}")
                if name == _name(trial_id, content):
                    return content
        if names:
            where = self._folder.place(f"networks/{names[0]}")
            raise UserError(f"network {where}: damaged, or it cannot be read; move it away")
        return None

    def delete(self, trial_id: str) -> None:
        """Delete the files of a trial's network, if there are any.

        Raises:
            UserError: the networks cannot be listed.
            OSError: a file could not be deleted.
        """
        for name in self._folder.names("networks", ".safetensors"):
            if name.startswith(f"{trial_id}-"):
                self._folder.delete(f"networks/{name}")


def _name(trial_id: str, content: bytes) -> str:
    return f"{trial_id}-{digest(content)}.safetensors"
