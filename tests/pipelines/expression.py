"""GitHub's workflow expressions, as far as this project's workflows use them.

Source: GitHub Docs, "Evaluate expressions in workflows and actions": operators, truth of values,
comparison of texts without case, and `&&` and `||` that answer one of their operands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Contexts = Mapping[str, Any]
"""``github``, ``inputs``, ``needs``, ``vars``, ``secrets``, … each a mapping of mappings."""

_TOKEN = re.compile(
    r"\s*(?P<token>&&|\|\||==|!=|!|\(|\)|'(?:[^']|'')*'|-?\d+|[A-Za-z_][\w-]*(?:\.[A-Za-z_*][\w-]*)*)"
)
_INSERTED = re.compile(r"\$\{\{(.*?)\}\}", flags=re.DOTALL)
_STATUS: Mapping[str, Callable[[str], bool]] = {
    "always": lambda _: True,
    "cancelled": lambda status: status == "cancelled",
    "failure": lambda status: status == "failure",
    "success": lambda status: status == "success",
}


def evaluate(text: str, contexts: Contexts, *, status: str = "success") -> Any:
    """Return an expression's value; ``status`` is what became of the steps or jobs before.

    Raises:
        ValueError: the expression uses what isn't known here.
    """
    return _Reader(text, contexts, status).whole()


def inserted(text: str, contexts: Contexts) -> str:
    """Return a text with every ``${{ … }}`` replaced by its value, as GitHub writes it."""
    return _INSERTED.sub(lambda found: written(evaluate(found[1], contexts)), text)


def condition(text: str | bool, contexts: Contexts, *, status: str = "success") -> bool:
    """Say whether an ``if:`` holds; one that names no status function asks for success, too."""
    bare = str(text).strip().removeprefix("${{").removesuffix("}}")
    asks = any(re.search(rf"\b{name}\(\)", bare) for name in _STATUS)
    holds = bool(evaluate(bare, contexts, status=status)) if bare else True
    return holds and (asks or status == "success")


def written(value: Any) -> str:
    """Return a value as GitHub writes it into a text."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


class _Reader:
    def __init__(self, text: str, contexts: Contexts, status: str) -> None:
        self._tokens: list[str] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise ValueError(f"not understood: {text[at:].strip()!r}")
            self._tokens.append(found["token"])
            at = found.end()
        self._contexts = contexts
        self._status = status

    def whole(self) -> Any:
        value = self._either()
        if self._tokens:
            raise ValueError(f"left over: {self._tokens}")
        return value

    def _either(self) -> Any:
        value = self._both()
        while self._next("||"):
            right = self._both()
            value = value or right
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._next("&&"):
            right = self._equal()
            value = value and right
        return value

    def _equal(self) -> Any:
        value = self._single()
        if self._next("=="):
            return _same(value, self._single())
        if self._next("!="):
            return not _same(value, self._single())
        return value

    def _single(self) -> Any:
        if self._next("!"):
            return not self._single()
        if self._next("("):
            value = self._either()
            self._expect(")")
            return value
        token = self._tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.lstrip("-").isdecimal():
            return int(token)
        if token in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[token]
        if self._next("("):
            self._expect(")")
            if token not in _STATUS:
                raise ValueError(f"unknown function {token}()")
            return _STATUS[token](self._status)
        return self._looked_up(token)

    def _looked_up(self, path: str) -> Any:
        first, *rest = path.split(".")
        if first not in self._contexts:
            raise ValueError(f"unknown context in {path}")
        value = self._contexts[first]
        for part in rest:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value

    def _next(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._next(token):
            raise ValueError(f"{token} is missing before {self._tokens}")


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return (left or "") == (right or "") if None in (left, right) else bool(left == right)
