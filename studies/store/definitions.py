"""The definitions of a study that were run, a YAML file each.

A definition is recorded together with the trials on its seeds that were finished at that moment, in
this study and in those beside it. So anybody can see later what was known when it was fixed,
without trusting a clock. Running a study never changes a recorded definition. Only an import does:
it adds what was known elsewhere (`studies.store.registers`).
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import yaml

import studies.store.filesystems as filesystems
from studies import strict_yaml
from studies.errors import UserError
from studies.store.folder import DEFINITION, Folder
from studies.store.forgotten import DAMAGED, Forgotten
from studies.store.tables import Tables

if TYPE_CHECKING:
    from studies.study import Study

#: What is said of a file whose name is not its definition's hash.
_CHANGED = (
    "this definition was changed or renamed after it was recorded: its name is not the hash of its "
    "content; undo that (if the file is moved away, its trials no longer count as planned, and may "
    "become exploratory)"
)
#: Ids of trials by their seed.
Known = Mapping[int, frozenset[str]]


@dataclass(frozen=True)
class Recorded:
    """A definition as it was recorded.

    Attributes:
        study: the definition.
        known: the trials on its seeds that were finished when it was first recorded; None if it
            was recorded before this was kept.
        at: when it was first recorded, in ISO format.
    """

    study: "Study"
    known: Known | None
    at: str


@dataclass(frozen=True)
class Finish:
    """When a trial was finished.

    Attributes:
        seed: the trial's seed.
        at: the time, in UTC.
    """

    seed: int
    at: datetime


class Definitions:
    """The definitions in a study's folder.

    Args:
        folder: of the study's results.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def record(self, study: "Study", known: Known | None = None) -> None:
        """Record the definition that is about to run, unless it is already recorded.

        Args:
            study: the definition.
            known: the finished trials on its seeds, instead of those that are found in this study
                and in those beside it.

        Raises:
            UserError: it cannot be recorded, or the results beside it cannot be read.
        """
        if self._files(study):
            return
        known = self.known(study) if known is None else known
        self.put(Recorded(study, known, self._now().isoformat(timespec="microseconds")))

    def _now(self) -> datetime:
        """Return the time, or a moment after the latest definition if that is later.

        The earliest definition's margin counts, so a machine whose clock is behind must not put a
        new one before those that it finds.
        """
        recorded = (datetime.fromisoformat(other.at).astimezone(UTC) for other in self.recorded())
        return max([datetime.now(UTC), *(at + timedelta(microseconds=1) for at in recorded)])

    def is_empty(self) -> bool:
        """Whether no definition is recorded: the folder may be another program's.

        Raises:
            UserError: the definitions cannot be listed.
        """
        return not any(map(DEFINITION.fullmatch, self._folder.names("definitions", ".yaml")))

    def put(self, recorded: Recorded) -> None:
        """Write a definition as it was recorded, in place of one with the same content.

        Raises:
            UserError: it cannot be written.
        """
        content: dict[str, object] = {"recorded": recorded.at}
        if recorded.known is not None:
            seeds = sorted(recorded.known.items())
            content["known"] = {seed: " ".join(sorted(ids)) for seed, ids in seeds}
        content["definition"] = recorded.study.definition()
        name = f"{recorded.study.definition_hash}.yaml"
        older = [other for other in self._files(recorded.study) if other != name]
        try:
            self._folder.put(f"definitions/{name}", strict_yaml.dump(content).encode())
            for other in older:
                self._folder.delete(f"definitions/{other}")
        except OSError as error:
            raise unwritable(self._folder, error) from None

    def drop(self, study: "Study") -> None:
        """Move a definition to where no reader looks; it is kept so that it can be examined.

        Raises:
            OSError: it could not be moved.
        """
        for name in self._files(study):
            self._folder.move(f"definitions/{name}", f"_dropped/{name}")

    def known(self, study: "Study") -> Known:
        """Return the trials on a study's seeds that are finished.

        Those of this study count, of the studies beside it and of its shipped results.

        Raises:
            UserError: the results cannot be read.
        """
        from studies.store import shipped

        seeds = {*study.confirmatory_seeds, *study.all_tuning_seeds}
        known: dict[int, set[str]] = {}
        published = shipped.store(study.name)
        finishes = published.definitions.finishes() if published else {}
        for trial_id, finish in {**finishes, **self.finishes()}.items():
            if finish.seed in seeds:
                known.setdefault(finish.seed, set()).add(trial_id)
        return {seed: frozenset(ids) for seed, ids in known.items()}

    def finishes(self) -> dict[str, Finish]:
        """Return when each trial of this study and of those beside it was first finished.

        Trials that were forgotten since are among them: their results were known.

        Raises:
            UserError: the results cannot be read.
        """
        finishes: dict[str, Finish] = {}
        names = ("trial_id", "seed", "finished_at")
        for folder in self._folder.siblings("trials"):
            rows = Tables(folder).read("trials", names).rows
            columns = (rows[name].to_pylist() for name in names)
            forgotten = Forgotten(folder).all()
            found = [(t, Finish(*values)) for t, *values in zip(*columns, strict=True)]
            for trial_id, finish in [*found, *((t, Finish(*v)) for t, v in forgotten.items())]:
                before = finishes.setdefault(trial_id, finish)
                if finish.at < before.at:
                    finishes[trial_id] = finish
        return finishes

    def all(self) -> list["Study"]:
        """Return all definitions that were run, the earliest first.

        Raises:
            UserError: a definition cannot be read.
        """
        return [recorded.study for recorded in self.recorded()]

    def recorded(self) -> list[Recorded]:
        """Return all definitions that were run as they were recorded, the earliest first.

        Raises:
            UserError: a definition cannot be read.
        """
        definitions = sorted(self._by_file().values(), key=lambda recorded: recorded.at)
        first: dict[str, Recorded] = {}
        for recorded in definitions:  # in two files, if two versions have recorded it
            first.setdefault(recorded.study.definition_hash, recorded)
        return list(first.values())

    def _files(self, study: "Study") -> list[str]:
        """Return the names of the files that record a definition.

        A version that writes the definition in another form gives its file another hash.

        Raises:
            UserError: a definition cannot be read.
        """
        wanted, recorded = study.definition_hash, self._by_file().items()
        return [name for name, other in recorded if other.study.definition_hash == wanted]

    def _by_file(self) -> dict[str, Recorded]:
        """Return all definitions that were run by the names of their files.

        Raises:
            UserError: a definition cannot be read.
        """
        definitions = {}
        for name in self._folder.names("definitions", ".yaml"):
            where = self._folder.place(f"definitions/{name}")
            try:
                data = self._folder.get(f"definitions/{name}")
            except OSError as error:
                reason = filesystems.reason(error)
                raise UserError(f"{where}: cannot be read ({reason}); try again") from None
            definitions[name] = _read(data, where, name.removesuffix(".yaml"))
        return definitions

    def path(self, study: "Study") -> str | None:
        """Return the local file in which a definition is recorded; None if there is none."""
        names = self._files(study) if self._folder.is_local else []
        return f"{self._folder.root}/definitions/{names[0]}" if names else None


@lru_cache(maxsize=256)
def _read(data: bytes, where: str, name: str) -> Recorded:
    """Read a recorded definition; a large one takes a fifth of a second.

    Args:
        data: the bytes of its file.
        where: the file, named in an error.
        name: the file's name without its ending: the definition's hash.

    Raises:
        UserError: it cannot be read.
    """
    try:
        content = strict_yaml.load(data.decode())
        study = _built(content["definition"], where, name)
        ids = content.get("known")
        known = ids if ids is None else {seed: frozenset(ids[seed].split()) for seed in ids}
        at = str(content["recorded"])
        datetime.fromisoformat(at).astimezone(UTC)
        return Recorded(study, known, at)
    except (*DAMAGED, yaml.YAMLError) as e:
        raise UserError(
            f"{where}: damaged ({type(e).__name__}); move it away; the next run of the study "
            "writes it again"
        ) from None


def _built(definition: Any, where: str, name: str) -> "Study":
    """Build a recorded definition.

    Args:
        definition: what is recorded.
        where: its file, named in an error.
        name: the file's name without its ending: the definition's hash.

    Raises:
        UserError: it was changed after it was recorded, or this version does not understand what
            another one has recorded.
    """
    from studies.study import from_mapping, hash_of

    # As it stands there too: an older version may have written what this one writes otherwise.
    as_recorded = False
    with contextlib.suppress(TypeError):  # of a value that no definition has, such as a date
        as_recorded = isinstance(definition, dict) and hash_of(definition) == name
    try:
        study = from_mapping(definition, where)
    except UserError as error:
        if as_recorded:
            raise UserError(
                f"{error}; this definition was recorded by a newer version of untuned than this "
                f"one ({version('untuned')}): update it"
            ) from None
        raise UserError(f"{error}; {_CHANGED}") from None
    if not as_recorded and study.definition_hash != name:
        raise UserError(f"{where}: {_CHANGED}")
    return study


def unwritable(folder: Folder, error: OSError) -> UserError:
    """Return the error for results that cannot be written."""
    reason = error.strerror or filesystems.reason(error)
    return UserError(
        f"results folder {folder.uri}: cannot be written to ({reason}); give another with --results"
    )
