"""Python's half of the bridge, driven as the JavaScript half drives it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.worker.cloudflare.javascript_side import JavaScriptSide, load


async def echo(text: str) -> str:
    """Answer every call with its own text."""
    await asyncio.sleep(0)
    return f"did {text}"


@pytest.fixture
def js_bridge(monkeypatch: pytest.MonkeyPatch) -> Any:
    return load(monkeypatch, "js_bridge")


def drive(
    module: Any,
    *works: Callable[[Any], Callable[[str], Any]],
    perform: Callable[[str], Awaitable[Any]] = echo,
) -> list[Any]:
    """Run all of ``works`` side by side and return their answers, or what they raised."""

    async def together() -> list[Any]:
        side = JavaScriptSide(perform)
        bridge = module.JsBridge(side, bindings=None)
        runs = [bridge.run(work(bridge), f"request {n}") for n, work in enumerate(works)]
        return await asyncio.gather(*runs, return_exceptions=True)

    return asyncio.run(asyncio.wait_for(together(), 30))


def test_a_run_gets_the_request_and_the_result_of_each_call(js_bridge: Any) -> None:
    def work(bridge: Any) -> Callable[[str], Any]:
        async def begin(request: str) -> str:
            first = await js_bridge.JsCall(bridge, "batch 1")
            second = await js_bridge.JsCall(bridge, "call 2")
            return f"respond {request}, {first}, {second}"

        return begin

    assert drive(js_bridge, work) == ["respond request 0, did batch 1, did call 2"]


def test_runs_side_by_side_keep_their_own_answers(js_bridge: Any) -> None:
    def work(name: str) -> Callable[[Any], Callable[[str], Any]]:
        def of(bridge: Any) -> Callable[[str], Any]:
            async def begin(_: str) -> str:
                got = [await js_bridge.JsCall(bridge, f"batch {name}{n}") for n in range(5)]
                return f"respond {' '.join(got)}"

            return begin

        return of

    expected = [f"respond {' '.join(f'did batch {name}{n}' for n in range(5))}" for name in "abc"]
    assert drive(js_bridge, *map(work, "abc")) == expected


def test_what_needs_no_answer_goes_over_in_order_before_the_next_call(js_bridge: Any) -> None:
    async def scene() -> list[str]:
        side = JavaScriptSide(seen)
        bridge = js_bridge.JsBridge(side, bindings=None)

        async def seen_at_call(_: str) -> str:
            bridge.note("info", '{"n":1}')
            bridge.note("hold")
            await js_bridge.JsCall(bridge, "call 1")
            bridge.note("error", '{"n":2}')
            bridge.note("hold")
            await asyncio.sleep(0)
            side.notes.append("slept")
            bridge.note("point", '{"n":3}')
            return "respond last"

        async def failing(_: str) -> str:
            bridge.note("warn", '{"n":4}')
            raise ValueError("as it must")

        assert await bridge.run(seen_at_call, "") == "respond last"
        with pytest.raises(ValueError, match="as it must"):
            await bridge.run(failing, "")
        bridge.note("debug", "outside")
        return side.notes

    async def seen(text: str) -> str:
        return text

    assert asyncio.run(asyncio.wait_for(scene(), 30)) == [
        'info {"n":1}',
        "hold ",
        'error {"n":2} (alone)',
        "hold  (alone)",
        "slept",
        'point {"n":3}',
        'warn {"n":4} (alone)',
        "debug outside (alone)",
    ]


def test_parts_run_side_by_side_and_come_when_they_are_done(js_bridge: Any) -> None:
    slow = asyncio.Event()

    def work(bridge: Any) -> Callable[[str], Any]:
        async def part(name: str) -> str:
            if name == "slow":
                await slow.wait()
            bridge.note("info", name)
            return str(await js_bridge.JsCall(bridge, f"call {name}"))

        async def begin(_: str) -> str:
            groups = []
            async for found in bridge.gathered([part(name) for name in ("a", "slow", "b")], 0.001):
                groups.append(sorted(found))
                slow.set()
            return f"respond {groups}"

        return begin

    assert drive(js_bridge, work) == ["respond [['did call a', 'did call b'], ['did call slow']]"]


def test_the_first_calls_of_parts_cross_together(js_bridge: Any) -> None:
    asked: list[str] = []

    def work(bridge: Any) -> Callable[[str], Any]:
        async def part(name: str) -> str:
            if name == "never calls":
                return name
            if name == "waits":
                await asyncio.sleep(0)
            asked.append(name)
            return str(await js_bridge.JsCall(bridge, f"call {name}"))

        async def begin(_: str) -> str:
            names = ["a", "never calls", "waits", "b"]
            async for found in bridge.gathered([part(name) for name in names], 10):
                return f"respond {sorted(found)}"
            return "respond nothing came"

        return begin

    done = ["did call a", "did call b", "did call waits", "never calls"]
    assert drive(js_bridge, work) == [f"respond {done}"]
    # What calls at once has called before anything else goes on.
    assert asked == ["a", "b", "waits"]


def test_parts_are_asked_for_in_milliseconds_and_named_once(js_bridge: Any) -> None:
    async def scene() -> list[list[Any]]:
        side = JavaScriptSide(echo)
        bridge = js_bridge.JsBridge(side, bindings=None)
        slow = asyncio.Event()

        async def part(waits: bool) -> None:
            if waits:
                await slow.wait()

        async def begin(_: str) -> str:
            async for _none in bridge.gathered([part(False), part(True)], 0.0126):
                slow.set()
            return "respond"

        await bridge.run(begin, "")
        return side.gathered

    # The group has the number of its first part, here the second after the run's own.
    assert asyncio.run(asyncio.wait_for(scene(), 30)) == [[2, [2, 3], 13], [2, [], 13]]


def test_a_part_that_fails_raises_where_the_parts_are_gathered(js_bridge: Any) -> None:
    ended = []

    def work(bridge: Any) -> Callable[[str], Any]:
        async def part(name: str) -> None:
            await js_bridge.JsCall(bridge, "call x")
            ended.append(name)
            if name == "bad":
                raise ValueError(name)

        async def begin(_: str) -> str:
            try:
                async for _none in bridge.gathered([part("bad"), part("good")], 10):
                    return "respond nothing was raised"
            except ValueError as error:
                return f"respond {error}"
            return "respond nothing came"

        return begin

    assert drive(js_bridge, work) == ["respond bad"]
    assert sorted(ended) == ["bad", "good"]


def test_a_failed_call_raises_where_it_is_awaited(js_bridge: Any) -> None:
    async def refuse(text: str) -> str:
        raise ConnectionError(text)

    def catching(bridge: Any) -> Callable[[str], Any]:
        async def begin(_: str) -> str:
            try:
                await js_bridge.JsCall(bridge, "batch x")
            except ConnectionError as error:
                return f"respond {error}"
            return "respond nothing was raised"

        return begin

    def careless(bridge: Any) -> Callable[[str], Any]:
        async def begin(_: str) -> str:
            await js_bridge.JsCall(bridge, "batch y")
            return "respond nothing was raised"

        return begin

    caught, raised = drive(js_bridge, catching, careless, perform=refuse)
    assert caught == "respond batch x"
    assert isinstance(raised, ConnectionError)
    assert str(raised) == "batch y"


def test_asyncio_waits_work_inside_a_run(js_bridge: Any) -> None:
    def work(bridge: Any) -> Callable[[str], Any]:
        async def call(name: str) -> str:
            await asyncio.sleep(0.001)
            return str(await js_bridge.JsCall(bridge, f"call {name}"))

        async def begin(_: str) -> str:
            await asyncio.sleep(0)
            # Tasks are asyncio's to drive: a call in one is made without the run's driver.
            both = await asyncio.gather(call("a"), call("b"))
            last = await js_bridge.JsCall(bridge, "batch c")
            return f"respond {both} {last}"

        return begin

    assert drive(js_bridge, work) == ["respond ['did call a', 'did call b'] did batch c"]


def test_a_task_that_fails_raises_inside_the_run(js_bridge: Any) -> None:
    def work(_: Any) -> Callable[[str], Any]:
        async def fail() -> None:
            await asyncio.sleep(0)
            raise ValueError("from the task")

        async def begin(_: str) -> str:
            try:
                await asyncio.create_task(fail())
            except ValueError as error:
                return f"respond {error}"
            return "respond nothing was raised"

        return begin

    assert drive(js_bridge, work) == ["respond from the task"]


@pytest.mark.parametrize(("later_s", "dropped"), [(600.0, False), (600.001, True)])
def test_a_run_that_is_over_or_was_abandoned_is_forgotten(
    js_bridge: Any, monkeypatch: pytest.MonkeyPatch, later_s: float, dropped: bool
) -> None:
    now = 100.0
    monkeypatch.setattr(js_bridge, "time", SimpleNamespace(monotonic=lambda: now))

    async def scene() -> None:
        nonlocal now
        side = JavaScriptSide(echo)
        bridge = js_bridge.JsBridge(side, bindings=None)

        async def begin(_: str) -> str:
            return "respond at once"

        async def wait(_: str) -> str:
            return f"respond {await js_bridge.JsCall(bridge, 'body 1')}"

        assert await bridge.run(begin, "") == "respond at once"
        with pytest.raises(KeyError):
            side.resume(1, False, "late")
        abandoned = bridge.run(wait, "")
        abandoned.cancel()
        assert side.resume(2, False, "") == "body 1"
        now += later_s
        await bridge.run(begin, "")
        if dropped:
            with pytest.raises(KeyError):
                side.resume(2, False, "late")
        else:
            assert side.resume(2, False, "late") == "respond late"

    asyncio.run(asyncio.wait_for(scene(), 30))
