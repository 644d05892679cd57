"""Traffic for tests about metrics."""

from __future__ import annotations

from tests.worker.endpoints import answer
from tests.worker.world import World


def send_some(world: World, count: int, status: int = 200, *, takes_ms: int = 0) -> None:
    """`count` notifications to u1, a millisecond apart, answered with `status`."""
    world.endpoints.behave = lambda request: answer(status)
    world.endpoints.takes_ms = takes_ms
    for _ in range(count):
        world.send()
        world.clock.ms += 1


def keep_busy(world: World) -> World:
    """Three sent within 400 ms, one failed, one waiting for a retry."""
    world.configure()
    send_some(world, 3, takes_ms=400)
    send_some(world, 1, 404)
    send_some(world, 1, 500)
    return world
