"""The register of the trials that were dropped from a study's results.

Their results were known, so a definition that is recorded later must not pass for one that was
recorded before them. One YAML file is written each time that trials are forgotten.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import yaml

from studies import strict_yaml
from studies.errors import UserError
from studies.store.folder import Folder
from studies.store.part_files import digest

#: What the content of a file raises that is not as it was recorded.
DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
#: By trial its seed and when it was finished.
Register = Mapping[str, tuple[int, datetime]]


class Forgotten:
    """The forgotten trials of a study's folder.

    Args:
        folder: of the study's results.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def add(self, trials: Register) -> None:
        """Record that trials are dropped; to record the same ones twice changes nothing.

        Raises:
            OSError: it could not be written.
        """
        if not trials:
            return
        listed = {
            trial_id: f"{seed} {at.isoformat(timespec='microseconds')}"
            for trial_id, (seed, at) in sorted(trials.items())
        }
        content = strict_yaml.dump({"forgotten": listed}).encode()
        self._folder.put(f"forgotten/{digest(content)}.yaml", content)

    def all(self) -> dict[str, tuple[int, datetime]]:
        """Return the forgotten trials.

        Raises:
            UserError: a file cannot be read.
        """
        trials: dict[str, tuple[int, datetime]] = {}
        for name in self._folder.names("forgotten", ".yaml"):
            try:
                content = strict_yaml.load(self._folder.get(f"forgotten/{name}").decode())
                for trial_id, text in content["forgotten"].items():
                    seed, at = text.split()
                    trials[trial_id] = int(seed), datetime.fromisoformat(at).astimezone(UTC)
            except (OSError, *DAMAGED, yaml.YAMLError) as e:
                where = self._folder.place(f"forgotten/{name}")
                raise UserError(
                    f"{where}: cannot be read or is damaged ({type(e).__name__}); move it away"
                ) from None
        return trials
