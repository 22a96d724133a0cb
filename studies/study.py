"""A study: axes that are multiplied out, grids that are joined, read from a YAML file.

The only module that needs pydantic; import it late where start-up time counts.
"""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from studies import sources, strict_yaml
from studies.errors import UserError, shown, unknown
from studies.pairwise import pairwise
from studies.roles import Role
from studies.trial import REQUIRED, SETTABLE, Trial, Value, check_value, fields_with

LIBRARY = Path(__file__).parent / "library"
#: A study's name is a folder's name, on local disks and object stores alike.
NAME = r"^[a-z0-9][a-z0-9._-]{0,99}$"
#: Bytes of a study file, which nobody writes by hand beyond this: YAML takes seconds for them.
_MOST_BYTES = 2**20
#: Axes are soon multiplied out to more than a machine's memory holds.
_MOST_TRIALS = 1_000_000
#: Pairs of values that `pairwise` has to bring together.
_MOST_PAIRS = 100_000


def _axes(given: Any) -> Any:
    """Check one mapping of fields to a value or a list of values; every value becomes a list."""
    if not isinstance(given, dict):
        raise ValueError("not a mapping of fields to values")
    axes: dict[str, list[Value]] = {}
    for name, values in given.items():
        if name == "seed":
            raise ValueError("seed is no axis; write seeds: N at the top of the file")
        try:
            if name not in SETTABLE:
                raise unknown("field", str(name), SETTABLE)
            many = values if isinstance(values, list) else [values]
            axes[name] = [check_value(name, value) for value in many]
        except UserError as error:
            raise ValueError(str(error)) from None
        if not many:
            raise ValueError(f"{name}: [] is an empty grid; give at least one value")
    return axes


def _seeds(given: Any) -> Any:
    """Check ``seeds``: N stands for 1 to N, a list for itself."""
    if type(given) is int and not 1 <= given <= 1_000_000:
        raise ValueError(f"{shown(given)} is not a count of seeds, 1 to 1000000")
    if isinstance(given, list) and not given:
        raise ValueError("[] is an empty grid; give at least one seed")
    try:
        for seed in given if isinstance(given, list) else [given]:
            check_value("seed", seed)
    except UserError as error:
        raise ValueError(str(error)) from None
    return given


def _how_often(given: Any) -> Any:
    """Check ``keep_masks``: true, false, or a number of epochs."""
    if type(given) is bool or (type(given) is int and given > 0):
        return given
    raise ValueError(f"{shown(given)} is neither true, false nor a number of epochs")


Axes = Annotated[dict[str, list[Any]], BeforeValidator(_axes)]


class Study(BaseModel):
    """What is asked: a set of trials, and the margin that was fixed before they ran.

    Attributes:
        name: the study's name, that of its file unless the file says otherwise.
        description: one line on what it shows.
        margin: the difference in test accuracy, in points, that counts as none.
        seeds: N for the seeds 1 to N, or a list of seeds.
        tuning_seeds: further seeds, on which settings are chosen that are then held against each
            other on `seeds`; a role that a trial does not know of.
        axes: values of `Trial`'s fields, common to all grids, multiplied out.
        grids: further axes, each multiplied out with `axes` and joined with the other grids; a
            grid's own values take the place of the common ones.
        combine: ``product``, or ``pairwise`` for so few trials that every two values of different
            axes meet in one.
        keep_masks: whether the final mask of each trial is kept in the table `masks`; a number K
            for every K epochs as well, from epoch 0.
        keep_networks: whether each trial's trained network is kept, to be exported.
        data: where data sets lie, ``folder:PATH`` or ``parquet:PATH`` by name; no part of the
            definition's hash, since it does not change what is asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME)]
    description: str = ""
    margin: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)] | None = None
    seeds: Annotated[int | list[int], BeforeValidator(_seeds)]
    axes: Axes = {}
    grids: list[Axes] = [{}]
    combine: Literal["product", "pairwise"] = "product"
    data: dict[str, str] = {}
    tuning_seeds: Annotated[list[int], BeforeValidator(_seeds)] = []
    keep_masks: Annotated[bool | int, BeforeValidator(_how_often)] = False
    keep_networks: Annotated[bool, Field(strict=True)] = False

    def override(
        self,
        *,
        seeds: int | None = None,
        epochs: int | None = None,
        data: Mapping[str, str] | None = None,
        keep_networks: bool = False,
    ) -> "Study":
        """The same study with other seeds (1 to ``seeds``), epochs, or sources of its data.

        Or one that keeps the networks.
        """
        values = self.definition()
        if keep_networks:
            values["keep_networks"] = True
        values["data"] = {**self.data, **(data or {})}
        if seeds is not None:
            values["seeds"] = seeds
        if epochs is not None:
            grids = [{k: v for k, v in grid.items() if k != "epochs"} for grid in self.grids]
            values |= {"axes": {**self.axes, "epochs": [epochs]}, "grids": grids}
        return from_mapping(values, where=f"study {self.name}")

    @property
    def confirmatory_seeds(self) -> list[int]:
        """The seeds that are not there for tuning."""
        return list(range(1, self.seeds + 1)) if isinstance(self.seeds, int) else self.seeds

    def trials(self) -> list[Trial]:
        """All trials, each once, in the file's order; the seed is the innermost axis."""
        seeds = [check_value("seed", s) for s in (*self.confirmatory_seeds, *self.tuning_seeds)]
        found: dict[Trial, None] = {}
        for grid in self.grids:
            axes = {
                name: [check_value(name, value) for value in values]
                for name, values in {**self.axes, **grid}.items()
            }
            for setting in self._combined(axes):
                of_seeds = (Trial.of_checked({**setting, "seed": seed}) for seed in seeds)
                found.update(dict.fromkeys(of_seeds))
        return list(found)

    def _combined(self, axes: dict[str, list[Value]]) -> Iterable[dict[str, Value]]:
        if self.combine == "pairwise":
            return pairwise(axes)
        return (dict(zip(axes, v, strict=True)) for v in itertools.product(*axes.values()))

    def definition(self) -> dict[str, Any]:
        """The study as plain values, from which `from_mapping` builds it again."""
        # These came later: left out at their default, so that older hashes stay.
        later = ("combine", "data", "tuning_seeds", "keep_masks", "keep_networks")
        fields = type(self).model_fields
        unsaid = {name for name in later if getattr(self, name) == fields[name].default}
        return self.model_dump(mode="json", exclude=unsaid)

    @property
    def definition_hash(self) -> str:
        """First 12 hex digits of the SHA-256 of the definition's canonical JSON."""
        asked = {key: value for key, value in self.definition().items() if key != "data"}
        text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def from_mapping(values: Any, where: str, base: Path | None = None) -> Study:
    """Build a study from the content of a study file.

    Args:
        values: the file's content.
        where: the file, to be named in an error.
        base: what the paths in it are relative to; the working directory if not given.

    Raises:
        UserError: names the file, the field, the value and what is allowed.
    """
    if not isinstance(values, dict):
        raise UserError(f"{where}: a study file is a mapping with seeds and axes or grids")
    for key in values:
        if key not in Study.model_fields:
            raise UserError(f"{where}: {unknown('field', str(key), Study.model_fields)}")
    if isinstance(values.get("name"), str) and not re.match(NAME, values["name"]):
        raise UserError(
            f"{where}: name: {shown(values['name'])} is not of lower-case letters, digits, '.', "
            "'_' and '-'; rename the file, or give a name in it"
        )
    try:
        study = Study.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{where}: {_first(error)}") from None
    both = sorted(set(study.confirmatory_seeds) & set(study.tuning_seeds))
    if both:
        raise UserError(
            f"{where}: tuning_seeds: {both[0]} is among seeds too; what is tuned on a seed cannot "
            "be confirmed on it"
        )
    if not study.grids:
        raise UserError(f"{where}: grids: [] is an empty grid; leave it out or give one grid")
    for number, grid in enumerate(study.grids):
        missing = [n for n in REQUIRED if n != "seed" and n not in {**study.axes, **grid}]
        if missing:
            place = f"grids.{number} " if "grids" in values else ""
            raise UserError(f"{where}: {place}has no {', no '.join(missing)}; put it into axes")
    _check_size(study, where)
    try:
        return _bound(study, base or Path.cwd())
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _check_size(study: Study, where: str) -> None:
    """Refuse more than can be planned, before anything is multiplied out."""
    sizes = [sorted(map(len, {**study.axes, **grid}.values())) for grid in study.grids]
    pairs = 0
    if study.combine == "pairwise":
        pairs = sum(a * b for grid in sizes for a, b in itertools.combinations(grid, 2))
        sizes = [grid[-2:] for grid in sizes]  # the longest two take as many trials, or some more
    settings = sum(math.prod(grid) for grid in sizes)
    trials = settings * len([*study.confirmatory_seeds, *study.tuning_seeds])
    counts = ((trials, "trials", _MOST_TRIALS), (pairs, "pairs of values", _MOST_PAIRS))
    for count, what, most in counts:
        if count > most:
            raise UserError(
                f"{where}: multiplied out it has {shown(count)} {what}, at most {most:,} are "
                "allowed; give its axes fewer values, or make several studies of it"
            )


def _bound(study: Study, base: Path) -> Study:
    """The study with the paths taken out of its data sets' names, and made absolute."""
    data = {name: sources.absolute(source, base) for name, source in study.data.items()}
    axes, *grids = (dict(axes) for axes in (study.axes, *study.grids))
    for values in (axes, *grids):
        for name in fields_with(Role.DATA):
            if name in values:
                values[name], data = sources.bind(values[name], data, base)
    changes: dict[str, Any] = {"axes": axes, "grids": grids} | ({"data": data} if data else {})
    return study.model_copy(update=changes)


def _first(error: ValidationError) -> str:
    """The first of pydantic's complaints, in one line: field, value, what is allowed."""
    details = error.errors(include_url=False)
    first, more = details[0], len(details) - 1
    field = ".".join(str(part)[:100] for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    given = "" if first["type"] in ("value_error", "missing") else f"{shown(first['input'])}: "
    return f"{field}: {given}{reason}" + (f" (and {more} more)" if more else "")


def read(path: Path) -> Study:
    """Read a study file.

    Raises:
        UserError: the file cannot be read, is not YAML, or does not describe a study.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UserError(f"study file {path}: more than {_MOST_BYTES >> 20} MiB; is it one?")
        values = strict_yaml.load(content.decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UserError(f"study file {path}: {reason}") from None
    except yaml.YAMLError as error:
        raise UserError(f"study file {path}: not YAML: {error}") from None
    if isinstance(values, dict) and set(values) == {"recorded", "definition"}:
        values = values["definition"]  # as the results keep it: what was run, overrides included
    if isinstance(values, dict):
        values = {"name": path.stem, **values}
    return from_mapping(values, str(path), path.parent)


def shipped() -> list[str]:
    """The names of the shipped studies."""
    return sorted(path.stem for path in LIBRARY.glob("*.yaml"))


def find(name_or_path: str) -> Study:
    """A shipped study by its name, or a study file by its path.

    Raises:
        UserError: there is neither, or the file is not a study.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return read(path)
    if name_or_path not in shipped():
        raise UserError(f"{unknown('study', name_or_path, shipped())}; or give a study file's path")
    return read(LIBRARY / f"{name_or_path}.yaml")
