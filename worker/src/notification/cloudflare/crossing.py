"""Python's half of the language border: coroutines that JavaScript drives.

`border.js`, the other half, says why. A coroutine that awaits a `Deed` hands a text over and goes
on with another. Whatever else it awaits works, too: a promise, and asyncio's tasks and timers.
"""

import time
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from notification.cloudflare.border import promise_with_resolvers
from pyodide.ffi import create_proxy

Work = Coroutine[Any, Any, str]
_LONGEST_S = 600.0


class Deed:
    """What JavaScript is to do; awaiting it does it. The text is a word of `border.js`, a space
    and the word's argument."""

    __slots__ = ("_crossing", "text")

    def __init__(self, crossing: "Crossing", text: str) -> None:
        self._crossing = crossing
        self.text = text

    def __await__(self) -> Generator[Any, Any, Any]:
        if self._crossing.driving:
            return (yield self)
        # Inside a task of asyncio's, which takes nothing but futures.
        return (yield from self._crossing.perform(self.text).__await__())


class Crossing:
    """One isolate's connection to `border.js`: the coroutines under way, each by its number."""

    __slots__ = ("_next", "_run", "_under_way", "driving", "keep", "perform", "prepare")

    def __init__(self, border: Any, database: Any) -> None:
        self.driving = False
        """Whether the code that asks is driven by JavaScript, and not by asyncio."""
        self.keep = border.keep
        self.perform = border.perform
        self.prepare = border.prepare
        self._run = border.run
        self._next = 0
        self._under_way: dict[int, tuple[float, Callable[[str], Work] | Work]] = {}
        border.connect(create_proxy(self._resume), database)

    def run(self, begin: Callable[[str], Work], request: Any) -> Any:
        """A promise of the JavaScript `Response` that the work returns as a text.

        `begin` gets `[method, URL, headers]` of the JavaScript `request` as JSON.
        """
        now = time.monotonic()
        self._forget_abandoned(now)
        self._next += 1
        self._under_way[self._next] = (now, begin)
        return self._run(self._next, request)

    def _forget_abandoned(self, now: float) -> None:
        """The runtime drops an event whose client has hung up and says nothing of it."""
        for number, (started, _) in self._under_way.items():
            if now - started > _LONGEST_S:
                del self._under_way[number]
            return

    def _resume(self, number: int, failed: bool, value: Any) -> Any:
        """Take the work to its next `await`: a deed's text, a promise, or the end's text."""
        started, work = self._under_way[number]
        self.driving = True
        try:
            if not isinstance(work, Coroutine):
                work = work(value)
                self._under_way[number] = (started, work)
                awaited = work.send(None)
            elif failed:
                awaited = work.throw(value)
            else:
                awaited = work.send(value)
        except StopIteration as end:
            del self._under_way[number]
            return end.value
        except BaseException:
            del self._under_way[number]
            raise
        finally:
            self.driving = False
        return awaited.text if type(awaited) is Deed else _promise_of(awaited)


def _promise_of(awaited: Any) -> Any:
    """A promise that is kept when a future of asyncio's is done; None means its next turn.

    The work itself asks the future what became of it.
    """
    held = promise_with_resolvers()
    if awaited is None:
        held.resolve()
    else:
        # The mark by which a future tells a task that it is awaited and not just yielded.
        awaited._asyncio_future_blocking = False
        awaited.add_done_callback(lambda _: held.resolve())
    return held.promise
