"""Doing several things at once, with threads or with tasks, in the order of the arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

A = TypeVar("A")
R = TypeVar("R")


def map_with_threads(
    function: Callable[[A], R], arguments: Sequence[A], *, concurrency: int
) -> list[R]:
    """Call a function for each argument, at most ``concurrency`` at once."""
    if concurrency == 1 or len(arguments) < 2:
        return [function(argument) for argument in arguments]
    with ThreadPoolExecutor(max_workers=min(concurrency, len(arguments))) as pool:
        return list(pool.map(function, arguments))


async def map_with_tasks(
    function: Callable[[A], Awaitable[R]], arguments: Sequence[A], *, concurrency: int
) -> list[R]:
    """Await a function for each argument, at most ``concurrency`` at once."""
    results: dict[int, R] = {}
    limiter = anyio.Semaphore(concurrency)

    async def call(place: int, argument: A) -> None:
        async with limiter:
            results[place] = await function(argument)

    async with anyio.create_task_group() as tasks:
        for place, argument in enumerate(arguments):
            tasks.start_soon(call, place, argument)
    return [results[place] for place in range(len(arguments))]
