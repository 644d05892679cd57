"""Python's half of the bridge to JavaScript; `js_bridge.js` is the other half and says why.

Two ways lead across. A run that JavaScript drives awaits a `JsCall`: it hands one text over and
goes on with another. Everything else (a promise, asyncio's tasks and timers) can be awaited, too.
What needs no answer, such as a log line, is noted and goes over in front of the next text. A value
that has to be an object goes over as one JSON text instead of property by property.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import js
from notification.compact_json import compact_json, parse_compact_json
from pyodide.ffi import create_proxy

Work = Coroutine[Any, Any, str]
T = TypeVar("T")
_MAX_RUN_S = 600.0


class JsCall:
    """A call of a function in `js_bridge.js`; awaiting it makes the call.

    Args:
        bridge: the isolate's connection.
        text: the function's name, a space, and its argument.
    """

    __slots__ = ("_bridge", "text")

    def __init__(self, bridge: "JsBridge", text: str) -> None:
        self._bridge = bridge
        self.text = text

    def __await__(self) -> Generator[Any, Any, Any]:
        """Yield the call to the run's driver, or make it through asyncio."""
        if self._bridge.driving:
            return (yield self)
        # Inside an asyncio task, which accepts nothing but futures.
        return (yield from self._bridge.perform(self.text).__await__())


class JsBridge:
    """One isolate's connection to `js_bridge.js`: the coroutines under way, each by its number."""

    __slots__ = (
        "_awaited",
        "_next",
        "_notes",
        "_run",
        "_tell",
        "_under_way",
        "driving",
        "keep",
        "now",
        "perform",
        "prepare",
    )

    def __init__(self, module: Any, bindings: Any) -> None:
        self.driving = False
        """Whether JavaScript drives the code that asks, and not asyncio."""
        self.keep = module.keep
        self.now = module.now
        self.perform = module.perform
        self.prepare = module.prepare
        self._run = module.run
        self._tell = module.tell
        self._notes = ""
        self._next = 0
        self._under_way: dict[int, tuple[float, Callable[[str], Work] | Work]] = {}
        self._awaited: dict[int, Any] = {}
        module.connect(create_proxy(self._resume), bindings)

    def run(self, begin: Callable[[str], Work], request: Any) -> Any:
        """Start a run and return a promise of the JavaScript `Response` that its text becomes.

        `begin` gets `[method, URL, headers, time]` of the JavaScript `request` as JSON and, where
        its body is known already, a newline and the body.
        """
        now = time.monotonic()
        self._drop_abandoned(now)
        self._next += 1
        self._under_way[self._next] = (now, begin)
        return self._run(self._next, request).promise

    async def gathered(
        self, works: Sequence[Coroutine[Any, Any, T]], within_s: float
    ) -> AsyncIterator[list[T]]:
        """Run works side by side, as parts of the run that asks, and yield those that are done.

        All of them run to their first call here, and their calls cross the bridge together.

        Args:
            works: what to run; each begins before the first results come.
            within_s: after how long results come while some works go on.
        """
        now = time.monotonic()
        outcomes: dict[int, Any] = {}
        numbers, calls = [], []
        for work in works:
            self._next += 1
            numbers.append(self._next)
            part = _whole(work, outcomes, self._next)
            self._under_way[self._next] = (now, part)
            calls.append(self._first_call(self._next, part))
        new, left = numbers, set(numbers)
        while left:
            asked = compact_json((numbers[0], new, round(within_s * 1000)))
            text = "\n".join((f"gather {asked}", *calls))
            done = parse_compact_json(await JsCall(self, text))
            new, calls = [], []
            left.difference_update(done)
            for number in done:
                if isinstance(outcomes[number], BaseException):
                    raise outcomes[number]
            yield [outcomes.pop(number) for number in done]

    def _first_call(self, number: int, part: Work) -> str:
        """Run a part to its first `await`; return the call, or nothing if it awaits a future."""
        try:
            awaited = part.send(None)
        except StopIteration as end:
            del self._under_way[number]
            return str(end.value)
        if type(awaited) is JsCall:
            return awaited.text
        self._awaited[number] = awaited
        return ""

    def note(self, what: str, text: str = "") -> None:
        """Have JavaScript do what needs no answer, before the next call of the run.

        Args:
            what: a level, to write `text` to the console; `point`, to write one to the data set;
                or `hold`, to let the run go on when its client hangs up.
            text: one line.
        """
        line = f"{what} {text}\n"
        if self.driving:
            self._notes += line
        else:
            self._tell(line)

    def _noted(self) -> str:
        notes, self._notes = self._notes, ""
        return notes

    def _drop_abandoned(self, now: float) -> None:
        """Drop runs that never ended: the runtime stops them silently when the client hangs up."""
        for number, (started, _) in self._under_way.items():
            if now - started > _MAX_RUN_S:
                del self._under_way[number]
            return

    def _resume(self, number: int, failed: bool, value: Any) -> Any:
        """Run the work to its next `await`, and return a call's text, a promise, or the result."""
        started, work = self._under_way[number]
        self.driving = True
        try:
            if number in self._awaited:
                awaited = self._awaited.pop(number)
            elif not isinstance(work, Coroutine):
                work = work(value)
                self._under_way[number] = (started, work)
                awaited = work.send(None)
            elif failed:
                awaited = work.throw(value)
            else:
                awaited = work.send(value)
        except StopIteration as end:
            del self._under_way[number]
            return self._noted() + end.value
        except BaseException:
            del self._under_way[number]
            if self._notes:
                self._tell(self._noted())
            raise
        finally:
            self.driving = False
        if type(awaited) is JsCall:
            return self._noted() + awaited.text
        if self._notes:
            self._tell(self._noted())
        return promise_of(awaited)


async def _whole(work: Coroutine[Any, Any, Any], outcomes: dict[int, Any], number: int) -> str:
    """Run a part, keep its result or error under its number, and say that it is done."""
    try:
        outcomes[number] = await work
    except BaseException as error:
        outcomes[number] = error
    return "respond"


def promise_of(awaited: Any) -> Any:
    """Return a promise that resolves when an asyncio future is done; None means the next turn.

    The promise carries no value: the work itself asks the future for its result.
    """
    held = promise_with_resolvers()
    if awaited is None:
        held.resolve()
    else:
        # The flag by which a future tells a task that it is awaited and not just yielded.
        awaited._asyncio_future_blocking = False
        awaited.add_done_callback(lambda _: held.resolve())
    return held.promise


# Looked up once per isolate: each look-up would be a call across the bridge.
@lru_cache(maxsize=1)
def _json_functions() -> tuple[Any, Any]:
    return js.JSON.parse, js.JSON.stringify


@lru_cache(maxsize=1)
def _with_resolvers() -> Any:
    return js.Promise.withResolvers


def promise_with_resolvers() -> Any:
    """Return a promise with the two functions that settle it."""
    return _with_resolvers()()


def to_object(value: Any) -> Any:
    """Convert JSON-compatible Python to a JavaScript value."""
    return _json_functions()[0](compact_json(value))


def from_object(value: Any) -> Any:
    """Convert a JavaScript value that JSON can express to Python."""
    return json.loads(_json_functions()[1](value))
