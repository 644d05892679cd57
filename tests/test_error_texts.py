"""What a person reads of a failure: sentences of ours, never an exception's of Python alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("infra", "ops", "sdk", "localcloud", "engine", "d1", "cron", "worker/src")
WORDLESS = {"KeyError", "IndexError", "AttributeError", "TypeError", "LookupError"}
"""Their texts are names of Python's, or a lone key: ``'p99'``."""
SAID_WITH_MORE = {
    "sdk/notification_sdk/_call.py": "json's words, and then what may be passed",
    "localcloud/cron/cron_clock.py": "LookupError of our own, with a sentence",
}


def _shown(handler: ast.ExceptHandler) -> Iterator[int]:
    for node in ast.walk(ast.Module(handler.body, [])):
        match node:
            case ast.FormattedValue(value=ast.Name(id=name)) if name == handler.name:
                yield node.lineno
            case ast.Call(func=ast.Name(id="str" | "repr"), args=[ast.Name(id=name)]) if (
                name == handler.name
            ):
                yield node.lineno


def _places(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.name and node.type is not None:
            caught = {each.id for each in ast.walk(node.type) if isinstance(each, ast.Name)}
            if caught & WORDLESS:
                yield from _shown(node)


def test_no_message_is_the_text_of_an_exception_that_says_nothing() -> None:
    found = {
        f"{name}:{line}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if (name := path.relative_to(ROOT).as_posix()) not in SAID_WITH_MORE
        for line in _places(path.read_text("utf-8"))
    }
    assert found == set()


def test_the_search_finds_such_messages() -> None:
    source = "try:\n  x()\nexcept (OSError, {}) as error:\n  raise Failed({})\n"
    for caught, text, count in (
        ("KeyError", "f'no: {error}'", 1),
        ("TypeError", "str(error)", 1),
        ("KeyError", "f'no: {error.args[0]}'", 0),
        ("ValueError", "str(error)", 0),
    ):
        assert len(list(_places(source.format(caught, text)))) == count
