"""Counts the work that a call makes of a text, in units that no clock disturbs.

Two figures, since one hides what the other shows: the lines of Python that run, and the characters
that patterns and methods of strings go over. The time of neither depends on the machine.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType
from typing import Any, NamedTuple

from notification.markup.dialect import Dialect
from tests.worker.linear_patterns import Reach


class Work(NamedTuple):
    """Lines of Python that ran, and characters that were read."""

    lines: int
    characters: int


MISTAKES = (AssertionError, AttributeError, LookupError, NameError, RecursionError, TypeError)
"""No refusals of a text: the call itself is wrong."""


class _Counter:
    characters = 0


def work_of(call: Callable[[], object], *, within: str = "") -> Work:
    """Return the work of a call, whatever it returns or raises.

    Args:
        call: what is run.
        within: the folder whose lines are counted; all if it is empty.
    """
    lines = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        file = frame.f_code.co_filename
        if file == __file__ or not file.startswith(within):
            return None
        lines += event == "line"
        return trace

    _Counter.characters = 0
    before = sys.gettrace()
    with _watched_patterns():
        sys.settrace(trace)
        try:
            call()
        except MISTAKES:
            raise
        except Exception:  # noqa: S110 - a refusal is work like any other
            pass
        finally:
            sys.settrace(before)
    return Work(lines, _Counter.characters)


class _WatchedPattern:
    """A compiled pattern that counts what it reads: to its match's end, or else to the text's."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        self._reach = Reach(pattern)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def search(self, text: str, pos: int = 0) -> re.Match[str] | None:
        found = self._pattern.search(text, pos)
        _Counter.characters += (len(text) if found is None else found.end()) - pos
        return found

    def _matched(self, text: str, pos: int, found: re.Match[str] | None) -> re.Match[str] | None:
        if found is not None:
            _Counter.characters += found.end() - pos
        else:
            _Counter.characters += self._reach.of(text, pos) - pos
        return found

    def match(self, text: str, pos: int = 0) -> re.Match[str] | None:
        return self._matched(text, pos, self._pattern.match(text, pos))

    def fullmatch(self, text: str, pos: int = 0) -> re.Match[str] | None:
        return self._matched(text, pos, self._pattern.fullmatch(text, pos))

    def sub(self, new: Any, text: str, count: int = 0) -> str:
        _Counter.characters += len(text)
        return self._pattern.sub(new, text, count=count)

    def split(self, text: str, maxsplit: int = 0) -> list[str | Any]:
        _Counter.characters += len(text)
        return self._pattern.split(text, maxsplit=maxsplit)

    def finditer(self, text: str, pos: int = 0) -> Iterator[re.Match[str]]:
        _Counter.characters += len(text) - pos
        return self._pattern.finditer(text, pos)

    def findall(self, text: str, pos: int = 0) -> list[Any]:
        _Counter.characters += len(text) - pos
        return self._pattern.findall(text, pos)


@cache
def _watched_pattern(pattern: re.Pattern[str]) -> _WatchedPattern:
    return _WatchedPattern(pattern)


@contextmanager
def _watched_patterns() -> Iterator[None]:
    """Let every pattern that a module of the Worker names count."""
    replaced: list[tuple[Any, str, object]] = []
    for name, module in list(sys.modules.items()):
        if not name.startswith("notification."):
            continue
        for attribute, value in list(vars(module).items()):
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                replaced.append((module, attribute, value))
                setattr(module, attribute, _watched_pattern(value))
            elif isinstance(value, Dialect):
                replaced.append((module, attribute, value))
                watched: Any = {
                    "special": _watched_pattern(value.special),
                    "tags": _watched_pattern(value.tags),
                }
                setattr(module, attribute, value._replace(**watched))
    try:
        yield
    finally:
        for module, attribute, value in replaced:
            setattr(module, attribute, value)


class Watched(str):
    """A text whose methods count what they read or copy; what they return is watched as well."""

    __slots__ = ()

    def __getitem__(self, place: Any) -> str:
        piece = super().__getitem__(place)
        _Counter.characters += len(piece)
        return Watched(piece)

    def __contains__(self, part: object) -> bool:
        found = super().__contains__(part)  # type: ignore[operator]
        _Counter.characters += super().find(str(part)) if found else len(self)
        return found


def _reads_all(name: str) -> Callable[..., Any]:
    original = getattr(str, name)

    def method(self: Watched, *arguments: Any, **options: Any) -> Any:
        _Counter.characters += len(self)
        return _watch(original(self, *arguments, **options))

    return method


def _reads_from(name: str) -> Callable[..., int]:
    original = getattr(str, name)

    def method(self: Watched, part: str, start: int = 0, end: int | None = None) -> int:
        end = len(self) if end is None else end
        found: int = original(self, part, start, end)
        stop = found if name in ("find", "index") and found >= 0 else end
        _Counter.characters += max(stop - start, 0)
        return found

    return method


def _watch(value: Any) -> Any:
    if type(value) is str:
        return Watched(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_watch, value))
    return value


_READ_ALL = """
casefold encode expandtabs isascii isdigit isprintable isspace join lower lstrip partition
removeprefix removesuffix replace rpartition rsplit rstrip split splitlines strip title translate
upper __add__
"""
for _name in _READ_ALL.split():
    setattr(Watched, _name, _reads_all(_name))
for _name in ("find", "rfind", "index", "rindex", "count"):
    setattr(Watched, _name, _reads_from(_name))
