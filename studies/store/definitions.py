"""The definitions of a study that were run, a YAML file each; none is ever changed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import yaml

import studies.store.filesystems as filesystems
from studies import strict_yaml
from studies.errors import UserError
from studies.store.folder import Folder

if TYPE_CHECKING:
    from studies.study import Study


class Definitions:
    """The definitions in a study's folder.

    Args:
        folder: of the study's results.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def record(self, study: "Study") -> None:
        """Record the definition that is about to run, unless it is already recorded.

        Raises:
            UserError: it cannot be recorded.
        """
        name = f"definitions/{study.definition_hash}.yaml"
        if self._folder.names("definitions", f"{study.definition_hash}.yaml"):
            return
        recorded = datetime.now(UTC).isoformat(timespec="microseconds")
        content = {"recorded": recorded, "definition": study.definition()}
        try:
            self._folder.put(name, strict_yaml.dump(content).encode())
        except OSError as error:
            raise unwritable(self._folder, error) from None

    def all(self) -> list["Study"]:
        """Return all definitions that were run, the earliest first.

        Raises:
            UserError: a definition cannot be read.
        """
        from studies.study import from_mapping

        definitions = []
        for name in self._folder.names("definitions", ".yaml"):
            where = self._folder.place(f"definitions/{name}")
            try:
                data = self._folder.get(f"definitions/{name}")
            except OSError as error:
                reason = filesystems.reason(error)
                raise UserError(f"{where}: cannot be read ({reason}); try again") from None
            try:
                content = strict_yaml.load(data.decode())
                study = from_mapping(content["definition"], where)
                definitions.append((content["recorded"], study))
            except (UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
                raise UserError(
                    f"{where}: damaged ({type(error).__name__}); move it away; the next run of the "
                    "study writes it again"
                ) from None
        return [study for _, study in sorted(definitions, key=lambda item: str(item[0]))]

    def path(self, study: "Study") -> str | None:
        """Return the local file in which a definition is recorded; None if there is none."""
        name = f"{study.definition_hash}.yaml"
        exists = self._folder.is_local and self._folder.names("definitions", name)
        return f"{self._folder.root}/definitions/{name}" if exists else None


def unwritable(folder: Folder, error: OSError) -> UserError:
    """Return the error for results that cannot be written."""
    reason = error.strerror or filesystems.reason(error)
    return UserError(
        f"results folder {folder.uri}: cannot be written to ({reason}); give another with --results"
    )
