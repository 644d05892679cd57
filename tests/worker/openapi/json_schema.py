"""Checks values against the part of JSON Schema (2020-12) that the document uses.

Stricter in one respect: an object must not have fields that its schema doesn't name, so that
nothing is answered that isn't documented. A keyword of another part is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
KEYWORDS = frozenset(
    {
        *("$ref", "allOf", "anyOf", "const", "default", "enum", "format", "type"),
        *("additionalProperties", "maxProperties", "properties", "required"),
        *("items", "maxItems", "minItems"),
        *("maxLength", "minLength", "pattern"),
        *("maximum", "minimum"),
    }
)


def problems(
    value: Any, schema: Mapping[str, Any], document: Mapping[str, Any], where: str = "$"
) -> Iterator[str]:
    """Each place of `value` that doesn't fit."""
    schema = flattened(schema, document)
    unknown = set(schema) - KEYWORDS
    assert not unknown, f"{where}: {unknown}"
    if "anyOf" in schema:
        found = [list(problems(value, option, document, where)) for option in schema["anyOf"]]
        if all(found):
            yield from min(found, key=len)
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        yield f"{where}: {value!r} is no {kinds}"
    elif isinstance(value, str):
        yield from _text_problems(value, schema, where)
    elif isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from problems(item, schema["items"], document, f"{where}[{number}]")
    elif isinstance(value, dict):
        yield from _object_problems(value, schema, document, where)


def flattened(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with its references and `allOf` merged in."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        return flattened(document["components"]["schemas"][name], document)
    if "allOf" not in schema:
        return schema
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for part in (flattened(part, document) for part in schema["allOf"]):
        properties = {**part.get("properties", {}), **merged.get("properties", {})}
        required = [*part.get("required", []), *merged.get("required", [])]
        merged = {**part, **merged, "properties": properties, "required": required}
    return merged


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _text_problems(value: str, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", 10**9):
        yield f"{where}: {len(value)} characters"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} does not match {schema['pattern']}"
    if schema.get("format") == "date-time":
        try:
            assert datetime.fromisoformat(value).tzinfo is not None
        except (ValueError, AssertionError):
            yield f"{where}: {value!r} is no date-time"


def _object_problems(
    value: dict[str, Any], schema: Mapping[str, Any], document: Mapping[str, Any], where: str
) -> Iterator[str]:
    properties, more = schema.get("properties", {}), schema.get("additionalProperties")
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}: {name} is missing"
    for name, item in value.items():
        if name in properties:
            yield from problems(item, properties[name], document, f"{where}.{name}")
        elif isinstance(more, Mapping):
            yield from problems(item, more, document, f"{where}.{name}")
        elif more is not True and properties:
            yield f"{where}: {name} is not documented"
