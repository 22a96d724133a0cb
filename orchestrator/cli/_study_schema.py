"""The JSON schema of study files, for editors: names, choices, limits and what each field means.

It is derived from what checks a study file: `Study`, the fields of `Trial`, and the components of
this and of other installed packages. It has no rules across fields, such as which method reads
which field; `untuned check` has them.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field
from typing import Any

from studies.study import Study
from studies.trial import FIELDS, REQUIRED, SETTABLE
from trainers import registry

#: The fields that a study file gives values for; seeds are given at its top.
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
#: Schemas of the fields that this project checks itself, which pydantic knows nothing about.
_CHECKED_HERE: Mapping[str, dict[str, Any]] = {
    "seeds": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1_000_000}, _SEEDS]},
    "tuning_seeds": {"type": "array", "items": _SEED},
    "axes": {"$ref": "#/$defs/axes"},
    "grids": {"type": "array", "items": {"$ref": "#/$defs/axes"}, "minItems": 1},
    "keep_masks": {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1}]},
}


def schema() -> dict[str, Any]:
    """Return the schema, in JSON Schema's draft 2020-12."""
    explanations = _explained()
    properties = {
        name: {**_CHECKED_HERE.get(name, _bare(schema)), "description": explanations[name]}
        for name, schema in Study.model_json_schema()["properties"].items()
    }
    required = [name for name in REQUIRED if name != "seed"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A study of untuned",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["seeds"],
        "allOf": [
            # A file that names the user's own images may give these names as data sets.
            {"if": {"not": {"required": ["data"]}}, "then": _with_known_datasets()},
            {
                "if": {"not": {"required": ["grids"]}},
                "then": {"required": ["axes"], "properties": {"axes": {"required": required}}},
            },
        ],
        "$defs": {
            "axes": {
                "type": "object",
                "properties": {name: _axis(name) for name in _AXES},
                "additionalProperties": False,
            }
        },
    }


def _with_known_datasets() -> dict[str, Any]:
    """Allow only the names of data sets that are found by name."""
    by_name = {"properties": {"dataset": _one_or_many(_component("dataset"))}}
    return {"properties": {"axes": by_name, "grids": {"items": by_name}}}


def _axis(name: str) -> dict[str, Any]:
    """Return the schema of a field's values, one or a list of them, with its explanation."""
    field = FIELDS[name]
    axis: dict[str, Any] = {"description": explained(name), **_one_or_many(_value(name, field))}
    return axis if field.default is MISSING else {**axis, "default": field.default}


def _one_or_many(value: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [value, {"type": "array", "items": value, "minItems": 1}]}


def _value(name: str, field: Field[Any]) -> dict[str, Any]:
    """Return the schema of one value of a field."""
    if field.metadata["choices"]:
        return {"enum": list(field.metadata["choices"])}
    if name == "dataset":  # may be one of the user's own
        return {"type": "string", "examples": known(name)}
    if name in registry.KINDS:
        return _component(name)
    limits = {_LIMITS[key]: limit for key, limit in field.metadata["limits"].items()}
    return {"type": _TYPES[field.type], **limits}  # type: ignore[index]


def _component(kind: str) -> dict[str, Any]:
    """Return the schema of the names that find a component: those that editors offer, and all."""
    # JavaScript refuses a pattern with an escaped hyphen.
    patterns = [component.pattern.replace(r"\-", "-") for component in registry.components(kind)]
    bare = [f"(?:{p})(?:\\([^()]*\\))?" for p in patterns if not p.endswith(":")]
    sources = [f"{p[:-1]}(?:\\([^()]*\\))?:.+" for p in patterns if p.endswith(":")]
    pattern = f"^(?:{'|'.join([*bare, *sources])})$"
    return {"anyOf": [{"enum": known(kind)}, {"type": "string", "pattern": pattern}]}


def known(kind: str) -> list[str]:
    """Return the names of components of a kind that lists offer."""
    return [name for component in registry.components(kind) for name in component.examples]


def explained(name: str) -> str:
    """Return what a field of `Trial` means, as a sentence."""
    text = str(FIELDS[name].metadata["explanation"])
    return f"{text[:1].upper()}{text[1:]}."


def _explained() -> dict[str, str]:
    """Return what each field of a study file means, from the docstring of `Study`."""
    _, _, text = (inspect.getdoc(Study) or "").partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE)
    return {name: " ".join(meaning.split()).replace("``", "`") for name, meaning in entries}


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a field's schema without the title that pydantic derives from its name."""
    return {key: value for key, value in schema.items() if key != "title"}
