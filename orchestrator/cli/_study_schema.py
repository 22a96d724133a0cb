"""The JSON schema of study files, for editors: names, choices, limits and what each field means.

It is made of what checks a study file: `Study`, the fields of `Trial`, and the parts that are
there, those of other packages included. A rule across fields, such as which method reads which
field, is not in it; `untuned check` knows them.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field
from typing import Any

from studies.study import Study
from studies.trial import FIELDS, REQUIRED, SETTABLE
from trainers import registry

#: What stands in a study file for a seed of each trial.
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
#: What pydantic does not know of the fields that this project checks itself.
_OWN: Mapping[str, dict[str, Any]] = {
    "seeds": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1_000_000}, _SEEDS]},
    "tuning_seeds": {"type": "array", "items": _SEED},
    "axes": {"$ref": "#/$defs/axes"},
    "grids": {"type": "array", "items": {"$ref": "#/$defs/axes"}, "minItems": 1},
    "keep_masks": {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1}]},
}


def schema() -> dict[str, Any]:
    """The schema, of JSON Schema's draft 2020-12."""
    own = Study.model_json_schema()
    said = _explained()
    properties = {
        name: {**_OWN.get(name, _bare(about)), "description": said[name]}
        for name, about in own["properties"].items()
    }
    needed = [name for name in REQUIRED if name != "seed"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A study of untuned",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": ["seeds"],
        "allOf": [
            # Where images of one's own are named, their names may stand for data sets.
            {"if": {"not": {"required": ["data"]}}, "then": _with_known_datasets()},
            {
                "if": {"not": {"required": ["grids"]}},
                "then": {"required": ["axes"], "properties": {"axes": {"required": needed}}},
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
    known = {"properties": {"dataset": _one_or_many(_part("dataset"))}}
    return {"properties": {"axes": known, "grids": {"items": known}}}


def _axis(name: str) -> dict[str, Any]:
    """A field's values: one, or a list of them, with its explanation."""
    about = FIELDS[name]
    told: dict[str, Any] = {"description": explained(name), **_one_or_many(_value(name, about))}
    return told if about.default is MISSING else {**told, "default": about.default}


def _one_or_many(value: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [value, {"type": "array", "items": value, "minItems": 1}]}


def _value(name: str, about: Field[Any]) -> dict[str, Any]:
    """One value of a field."""
    if about.metadata["choices"]:
        return {"enum": list(about.metadata["choices"])}
    if name == "dataset":  # may be one's own
        return {"type": "string", "examples": known(name)}
    if name in registry.KINDS:
        return _part(name)
    limits = {_LIMITS[key]: limit for key, limit in about.metadata["limits"].items()}
    return {"type": _TYPES[about.type], **limits}  # type: ignore[index]


def _part(kind: str) -> dict[str, Any]:
    """The names that the parts of a kind answer to: those that editors offer, and all others."""
    # An escaped hyphen is no valid pattern in JavaScript.
    patterns = [part.pattern.replace(r"\-", "-") for part in registry.components(kind)]
    bare = [f"(?:{p})(?:\\([^()]*\\))?" for p in patterns if not p.endswith(":")]
    sources = [f"{p[:-1]}(?:\\([^()]*\\))?:.+" for p in patterns if p.endswith(":")]
    pattern = f"^(?:{'|'.join([*bare, *sources])})$"
    return {"anyOf": [{"enum": known(kind)}, {"type": "string", "pattern": pattern}]}


def known(kind: str) -> list[str]:
    """The names of a kind of part that lists offer."""
    return [name for part in registry.components(kind) for name in part.examples]


def explained(name: str) -> str:
    """What a field of `Trial` means, as a sentence."""
    text = str(FIELDS[name].metadata["explanation"])
    return f"{text[:1].upper()}{text[1:]}."


def _explained() -> dict[str, str]:
    """What each field of a study file means, from the docstring of `Study`."""
    _, _, text = (inspect.getdoc(Study) or "").partition("Attributes:\n")
    found = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE)
    return {name: " ".join(about.split()).replace("``", "`") for name, about in found}


def _bare(about: dict[str, Any]) -> dict[str, Any]:
    """A field's schema without what pydantic makes of its name."""
    return {key: value for key, value in about.items() if key != "title"}
