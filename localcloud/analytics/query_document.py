"""The part of GraphQL that queries of analytics use: one operation, fields, arguments, variables.

Fragments, directives, mutations and introspection are refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_TOKEN = re.compile(
    r'[\s,]+|#[^\n]*|(?P<name>[_A-Za-z]\w*)|(?P<number>-?\d{1,15}(\.\d{1,15})?)|(?P<string>"[^"\\\n]*")'
    r"|(?P<mark>[{}()\[\]:$!=])"
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_MAX_DEPTH = 12
_DEFAULT_LIMIT = 10_000


class QueryError(ValueError):
    """The query can't be read, or asks for what isn't there."""


@dataclass(frozen=True)
class Field:
    """One field that is asked for, with its arguments and what is wanted below it."""

    name: str
    arguments: Mapping[str, Any]
    below: tuple[Field, ...]

    def child(self, name: str) -> Field | None:
        """The field of that name below this one."""
        return next((field for field in self.below if field.name == name), None)

    def filters(self, known: Collection[str]) -> dict[str, Any]:
        """The argument `filter`, with what its AND holds. Raises QueryError for an unknown one."""
        given = self.arguments.get("filter") or {}
        parts = [given, *(given.get("AND") or ())] if isinstance(given, dict) else [given]
        merged: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, dict):
                raise QueryError("a filter must be an object")
            merged |= {name: value for name, value in part.items() if name != "AND"}
        for name in merged:
            if name not in known:
                raise QueryError(f'unknown filter "{name}"')
        return merged

    def limit(self) -> int:
        """The argument `limit`. Raises QueryError."""
        found = self.arguments.get("limit", _DEFAULT_LIMIT)
        if type(found) is not int or found < 1:
            raise QueryError("limit must be a positive number")
        return found


def milliseconds(text: object) -> int:
    """A time of a filter, in milliseconds since 1970; UTC where it names no zone.

    Raises QueryError.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise QueryError(f'"{str(text)[:80]}" is no time') from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def parse_query(text: str, variables: Mapping[str, Any]) -> Field:
    """The operation as a field without a name, variables filled in. Raises QueryError."""
    return _Parser(text, variables).operation()


class _Parser:
    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._variables = variables

    def operation(self) -> Field:
        if self._tokens[self._at] == "query":
            while self._tokens[self._at] not in {"{", ""}:
                self._at += 1
        below = self._selection(0)
        if self._tokens[self._at]:
            raise QueryError(f"there is more than one query: '{self._tokens[self._at]}'")
        return Field("", {}, below)

    def _selection(self, depth: int) -> tuple[Field, ...]:
        if depth > _MAX_DEPTH:
            raise QueryError("the query is too deep")
        self._expect("{")
        fields: list[Field] = []
        while self._tokens[self._at] != "}":
            name = self._name()
            arguments = self._arguments() if self._tokens[self._at] == "(" else {}
            below = self._selection(depth + 1) if self._tokens[self._at] == "{" else ()
            fields.append(Field(name, arguments, below))
        self._at += 1
        return tuple(fields)

    def _arguments(self) -> dict[str, Any]:
        self._expect("(")
        return self._pairs(")", 0)

    def _pairs(self, end: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._tokens[self._at] != end:
            name = self._name()
            self._expect(":")
            found[name] = self._value(depth)
        self._at += 1
        return found

    def _value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise QueryError("the query is too deep")
        mark = self._next()
        if mark == "{":
            return self._pairs("}", depth + 1)
        if mark == "[":
            values = []
            while self._tokens[self._at] != "]":
                values.append(self._value(depth + 1))
            self._at += 1
            return values
        if mark == "$":
            name = self._name()
            if name not in self._variables:
                raise QueryError(f"the variable ${name} has no value")
            return self._variables[name]
        if mark.startswith('"'):
            return mark[1:-1]
        if re.fullmatch(r"-?\d+(\.\d+)?", mark):
            return float(mark) if "." in mark else int(mark)
        return _CONSTANTS.get(mark, mark)

    def _name(self) -> str:
        token = self._next()
        if not re.fullmatch(r"[_A-Za-z]\w*", token):
            raise QueryError(f"a name is missing before '{token}'")
        return token

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise QueryError(f"'{token}' is missing before '{found}'")

    def _next(self) -> str:
        token = self._tokens[self._at]
        if not token:
            raise QueryError("the query ends too early")
        self._at += 1
        return token


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise QueryError(f"'{text[at]}' can't be read")
        if match.lastgroup is not None:
            yield match[0]
        at = match.end()
    yield ""
