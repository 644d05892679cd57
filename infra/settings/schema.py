"""The JSON Schema of a stack's settings file, made from the models, for editors and checks."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from infra.settings.check import adapter_of, rule_of
from infra.settings.model import GROUPS
from infra.settings.problems import PROJECT
from infra.settings.reference import own_fields
from infra.settings.secret_model import Secrets
from infra.settings.workflow_secrets import WorkflowSecrets

Schema = dict[str, Any]

SCHEMA_FILE = "stack.schema.json"
"""Beside this module; the stack files name it in their first line."""

_ENCRYPTED: Schema = {
    "type": "object",
    "properties": {"secure": {"type": "string"}},
    "required": ["secure"],
    "additionalProperties": False,
}
_WORDS: Schema = {"enum": ["true", "false"]}


def stack_schema() -> Schema:
    """Return the schema of Pulumi.STACK.yaml: every setting and secret of the project, no other.

    `pulumi config set` writes numbers and switches as text, and lists as JSON text: both are taken.
    """
    properties: Schema = {}
    for group in GROUPS:
        for key, field in own_fields(group).items():
            properties[_full(key)] = _setting(field)
    for secrets in (Secrets, WorkflowSecrets):
        for key, field in own_fields(secrets).items():
            properties[_full(key)] = {**_ENCRYPTED, "description": str(field.description)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack's settings",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": properties,
                "patternProperties": {rf"^(?!{PROJECT}:|cloudflare:)[^:]+:": True},
                "additionalProperties": False,
            },
            "environment": True,
            "secretsprovider": {"type": "string"},
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
        },
        "additionalProperties": False,
    }


def _full(key: str) -> str:
    return key if ":" in key else f"{PROJECT}:{key}"


def _setting(field: FieldInfo) -> Schema:
    rule = rule_of(field)
    schema = _without_null(_inlined(adapter_of(field).json_schema()))
    described: Schema = {
        "description": f"{field.description}. {rule.text}",
        **_also_as_text(schema),
    }
    if field.default is not None and not field.is_required():
        default = field.default
        described["default"] = list(default) if isinstance(default, tuple) else default
    return described


def _inlined(schema: Schema) -> Schema:
    """Return the schema without references: an editor shows each setting by itself."""
    definitions: Mapping[str, Schema] = schema.pop("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(item) for item in part]
        if not isinstance(part, dict):
            return part
        if name := str(part.get("$ref", "")).removeprefix("#/$defs/"):
            return resolved(definitions[name])
        return {key: resolved(value) for key, value in part.items() if key != "title"}

    found: Schema = resolved(schema)
    return found


def _without_null(schema: Schema) -> Schema:
    """Drop `null`: a setting that isn't set has no line at all."""
    match [part for part in schema.get("anyOf", []) if part.get("type") != "null"]:
        case [only]:
            found: Schema = only
            return found
    return schema


def _also_as_text(schema: Schema) -> Schema:
    match schema.get("type"):
        case "boolean":
            return {"anyOf": [schema, _WORDS]}
        case "integer" | "number":
            return {"anyOf": [schema, {"type": "string", "pattern": r"^\d{1,15}(\.\d+)?$"}]}
        case "array":
            return {"anyOf": [schema, {"type": "string", "pattern": r"^\s*\["}]}
        case "object":
            return {"anyOf": [schema, {"type": "string", "pattern": r"^\s*\{"}]}
    return schema


def schema_text() -> str:
    """Return the schema as its file has it."""
    return json.dumps(stack_schema(), indent=2) + "\n"
