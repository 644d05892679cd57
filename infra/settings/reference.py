"""The table of every setting and secret, made from the models."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from infra.settings.check import rule_of
from infra.settings.model import GROUPS
from infra.settings.secret_model import Secrets
from infra.settings.workflow_secrets import WorkflowSecrets

_HEAD = ("| key | default | rule | meaning |", "|---|---|---|---|")


def settings_tables() -> str:
    """Markdown with a table for each group of settings and one for the secrets."""
    parts: list[str] = []
    for group in (*GROUPS, Secrets, WorkflowSecrets):
        parts += ["", f"### {_title(group)}", "", *_HEAD, *_rows(group)]
    return "\n".join([*parts[1:], ""])


def own_fields(group: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the fields of one group of settings by their keys in a stack file."""
    from pydantic.alias_generators import to_camel

    return {field.alias or to_camel(name): field for name, field in group.model_fields.items()}


def _title(group: type[BaseModel]) -> str:
    return (group.__doc__ or "").split(";")[0].split("\n")[0].rstrip(".")


def _rows(group: type[BaseModel]) -> Iterator[str]:
    for key, field in own_fields(group).items():
        cells: Iterable[str] = (
            f"`{key}`",
            _default(field),
            rule_of(field).text.rstrip("."),
            str(field.description),
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.default
    if value is None:
        return "unset"
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    return str(value).lower() if isinstance(value, bool) else str(value)
