"""Several things at once: as many as are allowed, and results in the order of the arguments."""

from __future__ import annotations

import threading

import anyio
import pytest

from notification_sdk._concurrency import map_with_tasks, map_with_threads


class Together:
    """Counts the calls under way, and lets each go once so many are."""

    def __init__(self, waits_for: int) -> None:
        self.most = 0
        self.threads: set[int] = set()
        self._barrier = threading.Barrier(waits_for)
        self._lock = threading.Lock()
        self._now = 0

    def __call__(self, argument: int) -> int:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.threads.add(threading.get_ident())
        self._barrier.wait(timeout=20)
        with self._lock:
            self._now -= 1
        return argument * 2


@pytest.mark.parametrize(
    ("arguments", "concurrency", "at_once"),
    [(2, 2, 2), (2, 9, 2), (3, 3, 3), (4, 2, 2), (6, 3, 3), (3, 1, 1), (1, 5, 1)],
)
def test_so_many_run_at_once(arguments: int, concurrency: int, at_once: int) -> None:
    function = Together(at_once)
    found = map_with_threads(function, range(arguments), concurrency=concurrency)
    assert found == [2 * argument for argument in range(arguments)]
    assert function.most == at_once


@pytest.mark.parametrize(("arguments", "concurrency"), [(0, 4), (1, 4), (3, 1)])
def test_what_runs_alone_needs_no_thread(arguments: int, concurrency: int) -> None:
    function = Together(1)
    map_with_threads(function, range(arguments), concurrency=concurrency)
    assert function.threads <= {threading.get_ident()}


@pytest.mark.parametrize(("arguments", "concurrency"), [(0, 3), (1, 3), (5, 1), (5, 2), (5, 9)])
def test_tasks_keep_the_order_and_the_limit(arguments: int, concurrency: int) -> None:
    now = most = 0

    async def double(argument: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(10 - argument):
            await anyio.lowlevel.checkpoint()
        now -= 1
        return argument * 2

    async def main() -> list[int]:
        return await map_with_tasks(double, range(arguments), concurrency=concurrency)

    assert anyio.run(main) == [2 * argument for argument in range(arguments)]
    assert most == min(arguments, concurrency)
