"""Checks values against the document's schemas, and against nothing beyond them.

An object must not have fields that its schema doesn't name, so that nothing is answered that isn't
documented. That is stricter than the document, which lets later versions add fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema_rs import Draft202012Validator

_OPEN = ("Error",)
"""Parts of other schemas: these are closed as a whole."""


def problems(value: Any, schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    """Each place of `value` that doesn't fit."""
    text = json.dumps([schema, document.get("components", {})])
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"
        for error in _validator(text).iter_errors(value)
    ]


@cache
def _validator(text: str) -> Draft202012Validator:
    schema, components = json.loads(text)
    schemas = {
        name: part if name in _OPEN else closed(part)
        for name, part in components.get("schemas", {}).items()
    }
    whole = {**closed(schema), "components": {"schemas": schemas}}
    return Draft202012Validator(whole, validate_formats=True)


def closed(schema: Any) -> Any:
    """The schema with every object that has named fields shut against others."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {key: closed(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        shut["unevaluatedProperties"] = False
    return shut
