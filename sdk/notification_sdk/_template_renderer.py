"""Rendering a template's plain placeholders without the service."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_WRITTEN_OUT = 1e21
"""Smaller numbers are written without an exponent (ECMAScript, Number::toString)."""
_PLACEHOLDER = re.compile(r"\{\{([A-Za-z0-9_]+)\}\}")


@dataclass(frozen=True)
class VariableCheck:
    """Whether a template's variables are all there."""

    valid: bool
    missing: tuple[str, ...]


class TemplateRenderer:
    """Fills placeholders as the service does for content of type ``text``.

    Blocks such as ``{{#if}}`` are the service's own: `client.templates.render` shows those.

    >>> TemplateRenderer().render("Hi {{name}} {{missing}}", {"name": "A&B"})
    'Hi A&B {{missing}}'
    """

    def render(self, template: str, variables: Mapping[str, Any]) -> str:
        """Return the text; a placeholder without a variable stays as it is."""

        def value_of(found: re.Match[str]) -> str:
            return _text(variables[found[1]]) if found[1] in variables else found[0]

        return _PLACEHOLDER.sub(value_of, template)

    def extract_variables(self, template: str) -> tuple[str, ...]:
        """Return the names of the placeholders, each once, in order."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(template)))

    def validate_variables(self, template: str, variables: Mapping[str, Any]) -> VariableCheck:
        """Return which placeholders have no variable."""
        missing = tuple(n for n in self.extract_variables(template) if n not in variables)
        return VariableCheck(not missing, missing)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple) and not any(isinstance(v, dict | list) for v in value):
        return ",".join(_text(member) for member in value)
    return (
        ""
        if value is None
        else json.dumps(_shown(value), ensure_ascii=False, separators=(",", ":"))
    )


def _shown(value: Any) -> Any:
    """Return a value with its whole numbers as such: the service writes 1.0 as 1."""
    if isinstance(value, dict):
        return {name: _shown(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(member) for member in value]
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < _WRITTEN_OUT
    return int(value) if is_whole else value
