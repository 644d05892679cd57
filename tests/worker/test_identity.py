"""Message ids, and the source of their randomness."""

from __future__ import annotations

import pytest

from tests.worker.surroundings import START_MS
from tests.worker.world import World


class NotedRandomness:
    """Counts up, and records what it returned."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def token_bytes(self, count: int) -> bytes:
        start = len(self.given)
        self.given.append(bytes((start * 16 + place) % 251 for place in range(count)))
        return self.given[-1]


@pytest.mark.requirement("B-52", "C-1.1")
def test_all_that_is_random_in_a_message_id_comes_from_the_port(world: World) -> None:
    world.configure()
    noted = NotedRandomness()
    world.randomness = noted  # type: ignore[assignment]
    [result] = world.send().json["results"]
    prefix, _, tail = result["messageId"].rpartition("_")
    assert prefix == f"ntf_{START_MS}_webhook"
    slots = {f"{int.from_bytes(given, 'big') % 4096:03x}" for given in noted.given}
    ends = {given.hex()[:9] for given in noted.given}
    assert (tail[:3] in slots, tail[3:] in ends) == (True, True)
    assert len(tail) == 12


@pytest.mark.requirement("B-52")
def test_ids_of_one_millisecond_differ(world: World) -> None:
    world.configure()
    ids = [world.send().json["results"][0]["messageId"] for _ in range(50)]
    assert len(set(ids)) == 50
