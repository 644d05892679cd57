"""How much of the database one notification takes, as `notifyctl cost` computes with."""

from __future__ import annotations

from ops.observe.cost.model import Counts
from tests.worker.world import ENDPOINT, World

SENDS = 600
CONTENT = {"subject": "x" * 20, "content": "y" * 100}


def size(world: World) -> int:
    [pages] = world.database.connection.execute("PRAGMA page_count").fetchone()
    [page_size] = world.database.connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(page_size)


def send(world: World, numbers: range) -> None:
    for number in numbers:
        world.clock.ms += 1_000
        answer = world.request(
            "POST",
            "/api/notifications/send",
            {
                "user_id": "user-000001",
                "channels": ["webhook"],
                "custom_content": CONTENT,
                "idempotency_key": f"sdk-{number:036d}",
            },
        )
        assert answer.status == 200


def test_a_short_notification_with_a_key_takes_as_many_bytes_as_is_computed_with(
    world: World,
) -> None:
    config = {"webhook_url": ENDPOINT}
    body = {"user_id": "user-000001", "channel_type": "webhook", "config_data": config}
    world.request("POST", "/api/user-configs", body)
    send(world, range(100))
    before = size(world)
    send(world, range(100, 100 + SENDS))
    grown = (size(world) - before) / SENDS
    assert abs(grown / Counts.load().bytes_per_row - 1) < 0.1, grown
