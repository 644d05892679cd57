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

    def run(self, number: int, request: str) -> asyncio.Task[str]:
        """Drive a run to its end; a task of the text that begins with `respond`."""
        return asyncio.ensure_future(self._drive(number, request))

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
                    group, numbers, ms = json.loads(asked)
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


def load(monkeypatch: pytest.MonkeyPatch, name: str) -> Any:
    """Import a module of `notification.cloudflare` with stand-ins for what the runtime provides."""
    js, pyodide, ffi = (types.ModuleType(n) for n in ("js", "pyodide", "pyodide.ffi"))
    js.__dict__["Promise"] = types.SimpleNamespace(withResolvers=_with_resolvers)
    js.__dict__["JSON"] = types.SimpleNamespace(parse=json.loads, stringify=_stringify)
    ffi.__dict__["create_proxy"] = lambda value: value
    ffi.__dict__.update(JsException=JsException, jsnull=JSNULL)
    for module in (js, pyodide, ffi):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for loaded in [n for n in sys.modules if n.startswith("notification.cloudflare.")]:
        monkeypatch.delitem(sys.modules, loaded)
    return importlib.import_module(f"notification.cloudflare.{name}")


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
