"""A study: a set of trials, described in a YAML file by axes that are multiplied out.

The only module that needs pydantic; import it late where start-up time counts.
"""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from studies import seeds as seed_lists
from studies import sources, strict_yaml, variants
from studies.errors import UserError, of_yaml, shown, unknown
from studies.grids import (
    TUNED,
    TUNING,
    check_axes,
    check_grid,
    check_tuning,
    fields_of,
    seeds_of,
)
from studies.names import is_study_file
from studies.pairwise import pairwise
from studies.regular_files import regular
from studies.roles import Role
from studies.trial import REQUIRED, Trial, Value, check_value, fields_with

LIBRARY = Path(__file__).parent / "library"
#: A study's name is a folder's name, on local disks and object stores alike.
NAME = r"^[a-z0-9][a-z0-9._-]{0,99}$"
#: A claim's id.
CLAIM = r"^[A-Za-z][A-Za-z0-9-]{0,49}$"
#: Bytes of a study file; YAML takes seconds for more, and nobody writes more by hand.
_MOST_BYTES = 2**20
#: Trials of a study: a few long axes would multiply out to more than the memory holds.
_MOST_TRIALS = 1_000_000
#: Pairs of values that `pairwise` has to combine.
_MOST_PAIRS = 100_000
#: What pydantic's kinds of errors ask for; others name it themselves.
_WANTED = {
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "a mapping of names to values",
    "bool_type": "true or false",
}
#: The keys of a definition's file in the results.
_RECORDED = {"recorded", "known", "definition"}


def _told(check: Callable[[Any], Any]) -> BeforeValidator:
    """Return a validator whose error is the message of `UserError`."""

    def validated(given: Any) -> Any:
        try:
            return check(given)
        except UserError as error:
            raise ValueError(str(error)) from None

    return BeforeValidator(validated)


def _how_often(given: Any) -> Any:
    """Check ``keep_masks``: true, false, or a number of epochs."""
    if type(given) is bool or (type(given) is int and given > 0):
        return given
    raise ValueError(f"{shown(given)} is neither true, false nor a number of epochs")


Axes = Annotated[dict[str, list[Any]], BeforeValidator(check_axes)]
Grid = Annotated[dict[str, Any], BeforeValidator(check_grid)]


class Study(BaseModel):
    """A set of trials, and the margin that was fixed before they ran.

    Attributes:
        name: the study's name; the name of its file if it is not given.
        description: one line on what the study shows.
        margin: the difference in test accuracy, in points, up to which two methods count as
            equally good.
        seeds: N for the seeds 1 to N, a range such as ``1001-1015``, or a list of seeds.
        tuning_seeds: further seeds, on which values such as the density are chosen; the chosen ones
            are then compared on `seeds`. A range or a list is common to all seeds; ``seed + 1000``
            gives each seed a tuning seed of its own. A trial is the same whatever its seed is used
            for.
        axes: values of the fields of a trial, common to all grids, multiplied out.
        grids: further axes. Each grid is multiplied out with `axes`, and the trials of all grids
            are joined. A grid's values replace the common ones. ``tuned`` in a grid names the
            fields whose values are chosen: all are trained on the tuning seeds, and only those with
            the best validation accuracy on the other seeds, once these are known. ``seeds`` in a
            grid is ``tuning`` or ``fresh``, for only the tuning seeds or only the others, or some
            of the study's seeds.
        combine: ``product`` for all combinations of the values, or ``pairwise`` for just enough of
            them that every two values of different axes meet in one.
        keep_masks: whether the final mask of each trial is kept in the table `masks`; a number K
            also keeps the masks of every K epochs, from epoch 0.
        keep_networks: whether each trial's trained network is kept, so that it can be exported.
        claims: the claims that the study is to decide, such as ``C6``; only their verdicts can be
            confirmatory. Empty for all but the secondary forms of claims.
        data: where data sets are, ``folder:PATH`` or ``parquet:PATH`` by name; not part of the
            definition's hash, since the trials are the same wherever the images are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME)]
    description: str = ""
    margin: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False, strict=True)] | None = None
    seeds: Annotated[int | str | list[int], _told(seed_lists.check)]
    axes: Axes = {}
    grids: list[Grid] = [{}]
    combine: Literal["product", "pairwise"] = "product"
    data: dict[str, str] = {}
    tuning_seeds: Annotated[list[int] | str, _told(seed_lists.check_tuning)] = []
    keep_masks: Annotated[bool | int, BeforeValidator(_how_often)] = False
    keep_networks: Annotated[bool, Field(strict=True)] = False
    claims: list[Annotated[str, Field(pattern=CLAIM)]] = []

    def override(
        self,
        *,
        seeds: seed_lists.Seeds | None = None,
        epochs: int | None = None,
        data: Mapping[str, str] | None = None,
        keep_networks: bool = False,
        only: variants.Given | None = None,
        change: variants.Given | None = None,
    ) -> "Study":
        """Return the same study with some changes.

        Args:
            seeds: N for as many seeds, from the first of the study's range or from 1; or a range or
                a list. The study's own if not given.
            epochs: of all trials; the study's own if not given.
            data: further sources of data sets, by name.
            keep_networks: whether to keep the networks in any case.
            only: for each field the values that trials may have; the others are left out.
            change: new values of fields, for all trials that are left.

        Raises:
            UserError: the study has no such trials, or a value is not allowed.
        """
        if epochs is not None and change and "epochs" in change:
            raise UserError(f"epochs: {shown(epochs)} and another value are given; give one")
        values = self.definition()
        values |= variants.part(values, variants.checked({} if only is None else only))
        values |= variants.variant(values, variants.checked({} if change is None else change))
        if keep_networks:
            values["keep_networks"] = True
        values["data"] = {**self.data, **(data or {})}
        if seeds is not None:
            values["seeds"] = seed_lists.instead(variants.plain(seeds), self.seeds)
        if epochs is not None:
            values |= variants.variant(values, {"epochs": [variants.plain(epochs)]})
        study = from_mapping(values, where=f"study {self.name}")
        sources.check_used(data or {}, study.data_sets())
        return study

    def data_sets(self) -> set[str]:
        """Return the names of all data sets that its trials are trained on; perhaps the empty one.

        None is loaded, and no trial is made.
        """
        return {
            str(value)
            for axes in (self.axes, *map(fields_of, self.grids))
            for name in fields_with(Role.DATA)
            for value in axes.get(name, [])
        }

    @property
    def confirmatory_seeds(self) -> list[int]:
        """The seeds that are not for tuning."""
        return seed_lists.listed(self.seeds)

    @property
    def all_tuning_seeds(self) -> list[int]:
        """The seeds that are only for tuning, each once."""
        offset = seed_lists.offset(self.tuning_seeds)
        if offset is not None:
            return [seed + offset for seed in self.confirmatory_seeds]
        return list(dict.fromkeys(seed_lists.listed(self.tuning_seeds)))

    def tuning_seeds_of(self, seed: int) -> list[int]:
        """Return the tuning seeds on which the values for a confirmatory seed are chosen."""
        offset = seed_lists.offset(self.tuning_seeds)
        return seed_lists.listed(self.tuning_seeds) if offset is None else [seed + offset]

    @property
    def is_tuned(self) -> bool:
        """Whether some trials are known only once others, on the tuning seeds, are finished."""
        return any(TUNED in grid for grid in self.grids)

    def trials(self) -> list[Trial]:
        """Return all trials, each once, in the file's order; the seed is the innermost axis.

        A grid with tuned fields has only those on the tuning seeds, see `studies.tuned`.
        """
        return self._trials(with_candidates=False)

    def candidates(self) -> list[Trial]:
        """Return `trials` and those on other seeds among which the tuned fields are chosen."""
        return self._trials(with_candidates=True)

    def _trials(self, *, with_candidates: bool) -> list[Trial]:
        fresh, tuning = (
            [int(check_value("seed", seed)) for seed in seeds]
            for seeds in (self.confirmatory_seeds, self.all_tuning_seeds)
        )
        trials: dict[Trial, None] = {}  # a set that keeps the order
        for grid in self.grids:
            axes = {
                name: [check_value(name, value) for value in values]
                for name, values in {**self.axes, **fields_of(grid)}.items()
            }
            is_tuned = TUNED in grid and not with_candidates
            seeds = seeds_of(grid, fresh, tuning, TUNING if is_tuned else None)
            for values in self._combined(axes):
                of_seeds = (Trial.of_checked({**values, "seed": seed}) for seed in seeds)
                trials.update(dict.fromkeys(of_seeds))
        return list(trials)

    def _combined(self, axes: dict[str, list[Value]]) -> Iterable[dict[str, Value]]:
        if self.combine == "pairwise":
            return pairwise(axes)
        return (dict(zip(axes, v, strict=True)) for v in itertools.product(*axes.values()))

    def definition(self) -> dict[str, Any]:
        """Return the study as plain values, from which `from_mapping` builds it again."""
        # These fields came later. They are left out at their default, so that older hashes stay.
        later = ("combine", "data", "tuning_seeds", "keep_masks", "keep_networks", "claims")
        fields = type(self).model_fields
        left_out = {name for name in later if getattr(self, name) == fields[name].default}
        return self.model_dump(mode="json", exclude=left_out)

    @property
    def definition_hash(self) -> str:
        """The first 12 hex digits of the SHA-256 of the definition's canonical JSON."""
        return hash_of(self.definition())


def hash_of(definition: Mapping[str, Any]) -> str:
    """Return the hash of a definition's plain values, see `Study.definition_hash`.

    Raises:
        TypeError: it has values that no definition has, such as a date.
    """
    content = {key: value for key, value in definition.items() if key != "data"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def from_mapping(values: Any, where: str, base: Path | None = None) -> Study:
    """Build a study from the content of a study file.

    Args:
        values: the file's content.
        where: the file, named in an error.
        base: the folder that its paths are relative to; the working directory if not given.

    Raises:
        UserError: names the file, the field, the value and what is allowed.
    """
    if not isinstance(values, dict):
        raise UserError(f"{where}: a study file is a mapping with seeds and axes or grids")
    for key in values:
        if key not in Study.model_fields:
            raise UserError(f"{where}: {unknown('field', key, Study.model_fields)}")
    if isinstance(values.get("name"), str) and not re.fullmatch(NAME, values["name"]):
        raise UserError(
            f"{where}: name: {shown(values['name'])}: only lower-case letters, digits, '.', '_' "
            "and '-' are allowed, at most 100, and a letter or digit first; rename the file, or "
            "give a name in it"
        )
    if isinstance(values.get("name"), str) and is_study_file(values["name"]):
        raise UserError(
            f"{where}: name: {shown(values['name'])}: a study is not named like a file; leave the "
            "ending out"
        )
    try:
        study = Study.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {_first(error)}") from None
    both = sorted(set(study.confirmatory_seeds) & set(study.all_tuning_seeds))
    if both:
        raise UserError(
            f"{where}: tuning_seeds: {both[0]} is among seeds too; what is tuned on a seed cannot "
            "be confirmed on it"
        )
    try:
        check_value("seed", max(study.all_tuning_seeds, default=0))
    except UserError as error:
        raise UserError(f"{where}: tuning_seeds: {error}") from None
    if study.is_tuned and study.combine == "pairwise":
        raise UserError(
            f"{where}: tuned does not go with combine: pairwise; leave one of the two out"
        )
    if not study.grids:
        raise UserError(f"{where}: grids: [] is an empty grid; leave it out or give one grid")
    for number, grid in enumerate(study.grids):
        missing = [n for n in REQUIRED if n != "seed" and n not in {**study.axes, **grid}]
        if missing:
            place = f"grids.{number} " if "grids" in values else ""
            raise UserError(f"{where}: {place}has no {', no '.join(missing)}; put it into axes")
        try:
            check_tuning(grid, study.axes, study.confirmatory_seeds, study.all_tuning_seeds)
        except UserError as error:
            raise UserError(f"{where}: grids.{number}: {error}") from None
    _check_size(study, where)
    try:
        return _bound(study, base or Path.cwd())
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _check_size(study: Study, where: str) -> None:
    """Refuse a study that is too large to be planned, before anything is multiplied out."""
    sizes = [sorted(map(len, {**study.axes, **fields_of(grid)}.values())) for grid in study.grids]
    pairs = 0
    if study.combine == "pairwise":
        pairs = sum(a * b for grid in sizes for a, b in itertools.combinations(grid, 2))
        # At least as many rows as the two longest axes have pairs; not many more.
        sizes = [grid[-2:] for grid in sizes]
    cells = sum(math.prod(grid) for grid in sizes)
    trials = cells * len([*study.confirmatory_seeds, *study.all_tuning_seeds])
    counts = ((trials, "trials", _MOST_TRIALS), (pairs, "pairs of values", _MOST_PAIRS))
    for count, what, most in counts:
        if count > most:
            raise UserError(
                f"{where}: multiplied out it has {shown(count)} {what}, at most {most:,} are "
                "allowed; give its axes fewer values, or make several studies of it"
            )


def _bound(study: Study, base: Path) -> Study:
    """Return the study with names without paths for its data sets, and absolute paths in `data`."""
    data = {name: sources.absolute(source, base) for name, source in study.data.items()}
    axes, *grids = (dict(axes) for axes in (study.axes, *study.grids))
    for values in (axes, *grids):
        for name in fields_with(Role.DATA):
            if name in values:
                values[name], data = sources.bind(values[name], data, base)
    changes: dict[str, Any] = {"axes": axes, "grids": grids} | ({"data": data} if data else {})
    return study.model_copy(update=changes)


def _first(error: ValidationError) -> str:
    """Return the first of pydantic's errors in one line: field, value, what is allowed."""
    details = error.errors(include_url=False)
    first, more = details[0], len(details) - 1
    keys = [part for part in first["loc"] if part != "[key]"]
    field = ".".join(str(part)[:100] for part in keys)
    if first["type"] == "value_error":
        told = first["msg"].removeprefix("Value error, ")
    elif first["type"] == "missing":
        told = "is not given; add it"
    else:
        told = f"{shown(first['input'])} is not {_wanted(str(keys[0]), first)}"
    return f"{field}: {told}" + (f" (and {more} more)" if more else "")


def _wanted(field: str, error: Any) -> str:
    """Return what one of pydantic's errors asks for, in this project's words."""
    if field == "margin":
        return "a number of points above 0, at most 100"
    if error["type"] == "string_pattern_mismatch":
        return "the id of a claim, such as C6"
    if error["type"] == "string_type" and type(error["input"]) in (bool, int, float):
        return "a text; put quotes around it"
    return _WANTED.get(error["type"]) or str(error["ctx"]["expected"])


def read(path: Path) -> Study:
    """Read a study file.

    Raises:
        UserError: the file cannot be read, is not YAML, or does not describe a study.
    """
    try:
        with regular(path).open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UserError(f"study file {path}: more than {_MOST_BYTES >> 20} MiB; is it one?")
        values = strict_yaml.load(content.decode("utf-8-sig"), by_hand=True)
    except UnicodeDecodeError:
        raise UserError(f"study file {path}: not UTF-8 text") from None
    except (OSError, ValueError) as error:  # or a name that no file can have
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"study file {path}: {reason}") from None
    except yaml.YAMLError as error:
        raise UserError(f"study file {path}: not YAML: {error}") from None
    if isinstance(values, dict) and {"recorded", "definition"} <= set(values) <= _RECORDED:
        values = values["definition"]  # as the results record it, overrides included
    if isinstance(values, dict):
        values = {"name": path.stem, **values}
    with of_yaml():
        return from_mapping(values, str(path), path.parent)


def shipped() -> list[str]:
    """Return the names of the shipped studies."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def find(name_or_path: str) -> Study:
    """Return a shipped study by its name, or read a study file by its path.

    Raises:
        UserError: neither exists, the file is not a study, or it is a URL.
    """
    if "://" in name_or_path:
        raise UserError(
            f"study file {name_or_path}: study files are read from disk; fetch it, and give its "
            "path there"
        )
    path = Path(name_or_path)
    if is_study_file(path.name) or len(path.parts) > 1:
        return read(path)
    if name_or_path not in shipped():
        raise UserError(f"{unknown('study', name_or_path, shipped())}; or give a study file's path")
    return read(LIBRARY / f"{name_or_path}.yaml")
