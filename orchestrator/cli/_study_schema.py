"""The JSON schema of study files, for editors: names, choices, limits and explanations.

It is derived from what checks a study file: `Study`, the fields of `Trial`, and the installed
components, including those of other packages. It has no rules across fields, such as which method
uses which field; `untuned check` applies them.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field
from typing import Any

from studies import grids, seeds
from studies.study import Study
from studies.trial import FIELDS, REQUIRED, SETTABLE
from trainers import registry

_AXES = [name for name in SETTABLE if name != "seed"]
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_LIMITS = {
    "at_least": "minimum",
    "above": "exclusiveMinimum",
    "at_most": "maximum",
    "below": "exclusiveMaximum",
}
_SEED = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_SEEDS = {"type": "array", "items": _SEED, "minItems": 1}
_RANGE = {"type": "string", "pattern": seeds.RANGE, "examples": ["1001-1015"]}
_OFFSET = {"type": "string", "pattern": seeds.OFFSET, "examples": ["seed + 1000"]}
#: Schemas of the fields that pydantic leaves to this project's own checks.
_CHECKED_HERE: Mapping[str, dict[str, Any]] = {
    "seeds": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": seeds.MOST}, _RANGE, _SEEDS]},
    "tuning_seeds": {"anyOf": [_OFFSET, _RANGE, _SEEDS]},
    "axes": {"$ref": "#/$defs/axes"},
    "grids": {"type": "array", "items": {"$ref": "#/$defs/grid"}, "minItems": 1},
    "keep_masks": {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1}]},
}
#: What a grid may have beside fields of trials, at most one of the two.
_OF_A_GRID: Mapping[str, dict[str, Any]] = {
    grids.SEEDS: {
        "anyOf": [{"enum": [grids.TUNING, grids.FRESH]}, _RANGE, _SEEDS],
        "description": "The seeds of this grid: only the tuning seeds, only the fresh ones (the "
        "others), or some of the study's seeds.",
    },
    grids.TUNED: {
        "anyOf": [{"enum": _AXES}, {"type": "array", "items": {"enum": _AXES}, "minItems": 1}],
        "description": "Fields whose values are chosen: all values run on the tuning seeds, and "
        "only those with the best validation accuracy on the fresh seeds.",
    },
}


def schema() -> dict[str, Any]:
    """Return the schema, in the 2020-12 draft of JSON Schema."""
    of_pydantic = Study.model_json_schema()
    explanations = _study_explanations()
    properties = {
        name: {**_CHECKED_HERE.get(name, _without_title(field)), "description": explanations[name]}
        for name, field in of_pydantic["properties"].items()
    }
    required = [name for name in REQUIRED if name != "seed"]
    axes = {name: _axis(name) for name in _AXES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A study of untuned",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["seeds"],
        "allOf": [
            # If `data` names the user's own images, a data set can be any of these names.
            {"if": {"not": {"required": ["data"]}}, "then": _with_known_datasets()},
            {
                "if": {"not": {"required": ["grids"]}},
                "then": {"required": ["axes"], "properties": {"axes": {"required": required}}},
            },
        ],
        "$defs": {
            "axes": {"type": "object", "properties": axes, "additionalProperties": False},
            "grid": {
                "type": "object",
                "properties": {**axes, **_OF_A_GRID},
                "additionalProperties": False,
                "not": {"required": list(_OF_A_GRID)},
            },
        },
    }


def _with_known_datasets() -> dict[str, Any]:
    axes = {"properties": {"dataset": _one_or_many(_component("dataset"))}}
    return {"properties": {"axes": axes, "grids": {"items": axes}}}


def _axis(name: str) -> dict[str, Any]:
    """Return the schema of an axis: one value of a field or a list, with its explanation."""
    field = FIELDS[name]
    values = _one_or_many(_value(name, field))
    axis: dict[str, Any] = {"description": explanation(name), **values}
    return axis if field.default is MISSING else {**axis, "default": field.default}


def _one_or_many(value: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [value, {"type": "array", "items": value, "minItems": 1}]}


def _value(name: str, field: Field[Any]) -> dict[str, Any]:
    """Return the schema of one value of a field."""
    if field.metadata["choices"]:
        return {"enum": list(field.metadata["choices"])}
    if name == "dataset":  # it can be a name of the user's own images
        return {"type": "string", "examples": known_names(name)}
    if name in registry.KINDS:
        return _component(name)
    limits = {_LIMITS[key]: limit for key, limit in field.metadata["limits"].items()}
    return {"type": _TYPES[field.type], **limits}  # type: ignore[index]


def _component(kind: str) -> dict[str, Any]:
    """Return the schema of a component's name: the names that editors offer, and all others."""
    # JavaScript does not allow an escaped hyphen.
    patterns = [c.pattern.replace(r"\-", "-") for c in registry.components(kind)]
    bare = [f"(?:{p})(?:\\([^()]*\\))?" for p in patterns if not p.endswith(":")]
    sources = [f"{p[:-1]}(?:\\([^()]*\\))?:.+" for p in patterns if p.endswith(":")]
    pattern = f"^(?:{'|'.join([*bare, *sources])})$"
    return {"anyOf": [{"enum": known_names(kind)}, {"type": "string", "pattern": pattern}]}


def known_names(kind: str) -> list[str]:
    """Return example names of all components of a kind."""
    return [name for component in registry.components(kind) for name in component.examples]


def explanation(name: str) -> str:
    """Return what a field of `Trial` means, as a sentence."""
    text = str(FIELDS[name].metadata["explanation"])
    return f"{text[:1].upper()}{text[1:]}."


def _study_explanations() -> dict[str, str]:
    """Return what each field of a study file means, from the docstring of `Study`."""
    _, _, text = (inspect.getdoc(Study) or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE)
    return {name: " ".join(entry.split()).replace("``", "`") for name, entry in entries}


def _without_title(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without the title that pydantic derives from its name."""
    return {key: value for key, value in field.items() if key != "title"}
