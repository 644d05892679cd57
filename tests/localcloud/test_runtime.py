"""The supervised host: when it is started again, and what is said while it can't be called."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.errors import LocalCloudError, RuntimeDown, StartFailed
from localcloud.host_client import HostClient, HostError
from localcloud.host_process import HostOrder
from localcloud.runtime import Runtime

ORDER = HostOrder("t", Path("/nowhere"), edge_port=0, broker_url="http://b", broker_token="b")


class Process:
    """A host on a port that nobody listens on; it ends where a test says so."""

    def __init__(self, pid: int) -> None:
        self.pid, self.control_port, self.edge_port = pid, 1, 8788
        self.ended = asyncio.Event()

    async def wait(self) -> None:
        await self.ended.wait()

    async def stop(self) -> None:
        self.ended.set()


class Launcher:
    """Starts a host or fails, as each of the outcomes says, the last one again and again."""

    def __init__(self, *outcomes: bool) -> None:
        self.outcomes = list(outcomes)
        self.orders: list[HostOrder] = []
        self.processes: list[Process] = []

    async def launch(self, order: HostOrder) -> Process:
        self.orders.append(order)
        if not (self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]):
            raise StartFailed("no host")
        self.processes.append(Process(100 + len(self.processes)))
        return self.processes[-1]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that are waited for, which take no time."""
    found: list[float] = []
    original = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds:
            found.append(seconds)
        await original(0)

    instead_of(monkeypatch, sleep=sleep)
    return found


def instead_of(monkeypatch: pytest.MonkeyPatch, **functions: object) -> None:
    """Give the runtime other functions of asyncio; servers in other threads keep theirs."""
    changed = SimpleNamespace(**{**vars(asyncio), **functions})
    monkeypatch.setattr("localcloud.runtime.asyncio", changed)


@contextlib.asynccontextmanager
async def supervised(launcher: Launcher, launches: list[int]) -> AsyncIterator[Runtime]:
    async def ready(_: HostClient) -> None:
        return None

    made = Runtime(
        launcher,
        ORDER,
        on_ready=ready,
        on_events=lambda _: None,
        on_launch=launches.append,
    )
    try:
        yield made
    finally:
        await made.stop()


async def until_up(runtime: Runtime, launcher: Launcher, count: int) -> None:
    for _ in range(1_000):
        if runtime.up and len(launcher.processes) == count:
            return
        await asyncio.sleep(0)
    raise AssertionError("the host didn't come back")


def test_a_host_that_doesnt_start_is_tried_after_longer_and_longer_pauses(
    pauses: list[float],
) -> None:
    launcher = Launcher(True, *[False] * 6, True)
    launches: list[int] = []

    async def run() -> None:
        async with supervised(launcher, launches) as runtime:
            await runtime.start()
            assert (runtime.pid, runtime.edge_port, runtime.restarts) == (100, 8788, 0)
            launcher.processes[0].ended.set()
            await until_up(runtime, launcher, 2)
            assert (runtime.pid, runtime.restarts) == (101, 7)
            launcher.processes[1].ended.set()
            await until_up(runtime, launcher, 3)
            assert runtime.restarts == 8

    asyncio.run(run())
    assert pauses == [0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0, 0.2]
    assert launches == [100, 101, 102]
    # A port that the system chose stays the same.
    assert [order.edge_port for order in launcher.orders] == [0, *[8788] * 8]


def told(call: Any) -> str:
    with pytest.raises(LocalCloudError) as caught:
        asyncio.run(call)
    return str(caught.value)


def test_a_host_that_refuses_its_state_is_told_at_the_start() -> None:
    async def refused(_: HostClient) -> None:
        raise HostError(500, "broken", "bad state")

    launcher = Launcher(True)
    made = Runtime(
        launcher, ORDER, on_ready=refused, on_events=lambda _: None, on_launch=lambda _: None
    )
    assert told(made.start()).startswith("The runtime refused the state that it should hold (")
    assert launcher.processes[0].ended.is_set()


def test_whoever_calls_waits_a_minute_for_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float | None] = []
    original = asyncio.timeout

    def timeout(seconds: float | None) -> Any:
        waited.append(seconds)
        return original(0)

    instead_of(monkeypatch, timeout=timeout)

    async def call() -> None:
        async with supervised(Launcher(False), []) as runtime:
            assert not runtime.up
            with pytest.raises(RuntimeDown, match=r"^The local runtime is restarting\.$"):
                runtime.client_now()
            await runtime.client()

    assert told(call()).startswith("The local runtime doesn't start: see host.log")
    assert waited == [60]
