"""The JavaScript half of the bridge, played by asyncio in the order of `js_bridge.js`."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
import types
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

NOTED = re.compile(r"(?:debug|info|warn|error|point|hold) ")
Perform = Callable[[str], Awaitable[Any]]
JSNULL = object()
UNDEFINED = None
_ON_THE_EDGE = ("notification.cloudflare.", "notification.app.worker")


class JsException(Exception):
    """An error that JavaScript has thrown."""


class JavaScriptSide:
    """Drives Python's runs as `drive` in js_bridge.js does.

    Args:
        perform: does what a text says, and returns or raises what became of it.
    """

    def __init__(self, perform: Perform) -> None:
        self.perform = perform
        self.statements: list[str] = []
        self.notes: list[str] = []
        self.gathered: list[list[Any]] = []
        self._parts: dict[int, set[asyncio.Task[int]]] = {}
        self.resume: Callable[[int, bool, Any], Any]

    def connect(self, resume: Callable[[int, bool, Any], Any], bindings: object) -> None:
        """Take Python's half."""
        self.resume = resume

    async def now(self) -> int:
        """Tell a time; no test asks for it."""
        return 0

    def tell(self, lines: str) -> None:
        """Do what lines say that have no text behind them."""
        self.notes += [f"{line} (alone)" for line in lines.splitlines()]

    def keep(self, head: str) -> int:
        """Keep the head of a response; no test asks for it again."""
        return len(head)

    def prepare(self, sql: str, database: str) -> int:
        """Keep a statement and return its number."""
        self.statements.append(sql if database == "DB" else f"{database}: {sql}")
        return len(self.statements) - 1

    def run(self, number: int, request: str) -> types.SimpleNamespace:
        """Drive a run to its end; `promise` is of the text that begins with `respond`."""
        return types.SimpleNamespace(promise=asyncio.ensure_future(self._drive(number, request)))

    async def _drive(self, number: int, request: str | None, first: str = "") -> str:
        value: Any = request
        failed = False
        while True:
            following = first or self.resume(number, failed, value)
            first, failed = "", False
            try:
                if not isinstance(following, str):
                    value = await following
                elif (text := self._note(following)).startswith("respond"):
                    return text
                elif text.startswith("gather "):
                    asked, *calls = text.removeprefix("gather ").split("\n")
                    self.gathered.append(json.loads(asked))
                    group, numbers, ms = self.gathered[-1]
                    value = await self._gather(group, numbers, ms, calls)
                else:
                    value = await self.perform(text)
            except Exception as error:
                failed, value = True, error

    async def _gather(self, group: int, numbers: list[int], ms: int, calls: list[str]) -> str:
        """Begin parts, and tell which are done: all of them, or those of the time that is given."""

        async def part(number: int, first: str) -> int:
            await self._drive(number, None, first)
            return number

        waiting = self._parts.setdefault(group, set())
        waiting |= {asyncio.ensure_future(part(*each)) for each in zip(numbers, calls, strict=True)}
        done, _ = await asyncio.wait(waiting, timeout=ms / 1000)
        if not done:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        waiting -= done
        return json.dumps([task.result() for task in done])

    def _note(self, text: str) -> str:
        while NOTED.match(text):
            line, _, text = text.partition("\n")
            self.notes.append(line)
        return text


def load(monkeypatch: pytest.MonkeyPatch, name: str, **provided: object) -> Any:
    """Import a module that runs on the edge, with stand-ins for what the runtime provides.

    Args:
        monkeypatch: puts everything back at the test's end.
        name: the module below `notification.cloudflare`, or below `notification` with its folder.
        provided: further names of the runtime's module `workers`.
    """
    js, pyodide, ffi, workers = (
        types.ModuleType(n) for n in ("js", "pyodide", "pyodide.ffi", "workers")
    )
    js.__dict__["Promise"] = types.SimpleNamespace(withResolvers=_with_resolvers)
    js.__dict__["JSON"] = types.SimpleNamespace(parse=json.loads, stringify=_stringify)
    js.__dict__["Object"] = _Object
    ffi.__dict__["create_proxy"] = lambda value: value
    ffi.__dict__.update(JsException=JsException, jsnull=JSNULL, to_js=lambda value: value)
    workers.__dict__.update(provided)
    for module in (js, pyodide, ffi, workers):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for loaded in [n for n in sys.modules if n.startswith(_ON_THE_EDGE)]:
        monkeypatch.delitem(sys.modules, loaded)
    folder = "notification" if "." in name else "notification.cloudflare"
    return importlib.import_module(f"{folder}.{name}")


class _Object:
    """What the modules use of JavaScript's `Object`."""

    @staticmethod
    def keys(value: object) -> list[str]:
        return list(vars(value))

    @staticmethod
    def fromEntries(entries: list[tuple[str, Any]]) -> dict[str, Any]:  # noqa: N802 - JavaScript's name
        return dict(entries)

    @staticmethod
    def getOwnPropertyDescriptor(value: object, name: str) -> Any:  # noqa: N802 - JavaScript's name
        return types.SimpleNamespace(value=getattr(value, name))


def _stringify(value: Any) -> Any:
    if value is UNDEFINED:
        return UNDEFINED
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise JsException(str(error)) from None


def _with_resolvers() -> Any:
    promise = asyncio.get_running_loop().create_future()
    return types.SimpleNamespace(promise=promise, resolve=lambda: promise.set_result(None))
