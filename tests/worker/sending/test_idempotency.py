"""One key, one effect."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from notification.configuration.channel_config import KnownConfigs
from notification.sending.command import parse_send
from tests.worker.endpoints import answer
from tests.worker.world import World

HOUR_MS = 3_600_000


def _body(key: str = "k", **more: Any) -> dict[str, Any]:
    return {
        "user_id": "u1",
        "channels": ["webhook"],
        "custom_content": {"content": "x"},
        "idempotency_key": key,
        **more,
    }


def test_a_repeated_request_gets_the_first_ones_results(world: World) -> None:
    world.configure()
    first, second = world.send(idempotency_key="k"), world.send(idempotency_key="k")
    assert second.status == 200
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    shown = [(r["messageId"], r["status"], r["logId"]) for r in second.json["results"]]
    assert shown == [(r["messageId"], r["status"], r["logId"]) for r in first.json["results"]]
    assert len(world.endpoints.received) == 1


def test_the_header_is_used_if_the_body_has_no_key(world: World) -> None:
    world.configure()
    body = {**_body(), "idempotency_key": None}
    for _ in range(2):
        world.request("POST", "/api/notifications/send", body, headers={"Idempotency-Key": "h"})
    assert len(world.endpoints.received) == 1
    world.request("POST", "/api/notifications/send", _body("b"), headers={"Idempotency-Key": "h"})
    assert len(world.endpoints.received) == 2


def test_a_key_belongs_to_its_recipient(world: World) -> None:
    for user in ("u1", "u2"):
        world.configure(user)
        world.send(user, idempotency_key="k")
    assert len(world.endpoints.received) == 2


@pytest.mark.requirement("B-07")
@pytest.mark.parametrize("warm", [True, False])
def test_another_request_under_the_same_key_is_422(world: World, warm: bool) -> None:
    world.configure()
    world.send(idempotency_key="k")
    if not warm:
        world.memory.of(KnownConfigs).drop("u1", ["webhook"])
    refused = world.send(idempotency_key="k", custom_content={"content": "other"})
    assert (refused.status, refused.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(world.endpoints.received) == 1


def test_other_metadata_is_the_same_request(world: World) -> None:
    world.configure()
    world.send(idempotency_key="k", metadata={"try": 1})
    assert world.send(idempotency_key="k", metadata={"try": 2}).status == 200


@pytest.mark.requirement("B-06")
def test_two_hundred_requests_at_once_have_one_effect(world: World) -> None:
    world.configure()

    async def all_at_once() -> list[Any]:
        gate = world.endpoints.gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05, gate.set)
        calls = [world.answer_to("POST", "/api/notifications/send", _body()) for _ in range(200)]
        return await asyncio.gather(*calls)

    answers = world.run(all_at_once())
    assert len(world.endpoints.received) == 1
    assert len(world.logs()) == 1
    assert {a.status for a in answers} <= {200, 409}
    ids = {a.json["results"][0]["messageId"] for a in answers if a.status == 200}
    assert len(ids) == 1


def test_a_request_whose_first_attempt_goes_on_waits_two_seconds_and_is_409(world: World) -> None:
    world.configure()

    async def overlapping() -> Any:
        world.endpoints.gate = asyncio.Event()
        first = asyncio.ensure_future(world.answer_to("POST", "/api/notifications/send", _body()))
        await world.endpoints.reached.wait()
        before = world.clock.ms
        second = await world.answer_to("POST", "/api/notifications/send", _body())
        waited = world.clock.ms - before
        world.endpoints.gate.set()
        await first
        return second, waited

    refused, waited = world.run(overlapping())
    assert (refused.status, refused.code) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert refused.headers["Retry-After"] == "1"
    assert waited == 2000
    assert world.send(idempotency_key="k").status == 422


def test_a_replay_shows_current_statuses(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(500, "down")
    body = _body()
    first = world.request("POST", "/api/notifications/send", body)
    assert first.json["results"][0]["status"] == "retry_scheduled"
    world.endpoints.behave = lambda request: answer()
    world.clock.ms += 12_000
    world.deliver_queues()
    second = world.request("POST", "/api/notifications/send", body)
    assert second.json["results"][0]["status"] == "sent"
    assert len(world.endpoints.received) == 2


@pytest.mark.requirement("C-3.6")
def test_a_key_lives_for_twenty_four_hours_and_is_taken_over_after(world: World) -> None:
    world.configure()
    world.send(idempotency_key="k")
    world.clock.ms += 24 * HOUR_MS - 1
    assert world.send(idempotency_key="k").headers.get("Idempotent-Replayed") == "true"
    world.clock.ms += 1
    again = world.send(idempotency_key="k", custom_content={"content": "something else"})
    assert again.status == 200
    assert "Idempotent-Replayed" not in again.headers
    assert len(world.endpoints.received) == 2
    assert len(world.database.rows("SELECT * FROM idempotency_keys")) == 1


@pytest.mark.requirement("C-0.9")
def test_a_refused_request_reserves_nothing(world: World) -> None:
    assert world.send(idempotency_key="k").code == "USER_NO_CHANNELS"
    world.configure()
    assert world.send(idempotency_key="k", custom_content={"content": "new"}).status == 200


def _reservation(world: World, *, lease_ms: int, message_ids: list[str], request_hash: str) -> None:
    from notification.timestamps import iso

    now = world.clock.ms
    world.database.connection.execute(
        "INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, request_hash,"
        " status, lease_until, expires_at, created_at) VALUES ('u1','k',?,?,'in_progress',?,?,?)",
        (json.dumps(message_ids), request_hash, iso(now + lease_ms), iso(now + HOUR_MS), iso(now)),
    )


def _hash(world: World) -> str:
    return parse_send(
        _body(), known_channels=("webhook",), header_key=None, now_ms=0
    ).request_hash()


RESERVED = "ntf_1767225600000_webhook_00f123456789"


def test_a_lapsed_reservation_without_rows_is_taken_over_with_its_ids(world: World) -> None:
    world.configure()
    _reservation(world, lease_ms=-1, message_ids=[RESERVED], request_hash=_hash(world))
    sent = world.request("POST", "/api/notifications/send", _body())
    assert sent.json["results"][0]["messageId"] == RESERVED
    assert len(world.endpoints.received) == 1
    again = world.request("POST", "/api/notifications/send", _body())
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize("reserved", [1, 3])
def test_a_lapsed_reservation_of_another_number_of_ids_sends_nothing(
    world: World, reserved: int
) -> None:
    channels = ["webhook", "webhook:other"]
    for channel in channels:
        world.configure("u1", channel)
    body = {**_body(), "channels": channels}
    request_hash = parse_send(
        body, known_channels=channels, header_key=None, now_ms=0
    ).request_hash()
    ids = [f"{RESERVED[:-1]}{n}" for n in range(reserved)]
    _reservation(world, lease_ms=-1, message_ids=ids, request_hash=request_hash)
    refused = world.request("POST", "/api/notifications/send", body)
    assert (refused.status, refused.code, refused.json["retryAfter"]) == (503, "DB_ERROR", 1)
    assert world.endpoints.received == []


def test_a_live_reservation_without_rows_is_409(world: World) -> None:
    world.configure()
    _reservation(world, lease_ms=30_000, message_ids=[RESERVED], request_hash=_hash(world))
    refused = world.request("POST", "/api/notifications/send", _body())
    assert refused.code == "IDEMPOTENCY_IN_PROGRESS"
    assert world.endpoints.received == []


def test_a_replay_falls_back_to_the_kept_results_when_rows_are_cleaned_up(world: World) -> None:
    world.configure()
    first = world.send(idempotency_key="k").json["results"][0]
    world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value)"
        " VALUES ('cleanup_retention_hours', '1')"
    )
    world.clock.ms += 2 * HOUR_MS
    world.cron()
    assert world.logs() == []
    again = world.send(idempotency_key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    [kept] = again.json["results"]
    assert (kept["messageId"], kept["status"]) == (first["messageId"], "sent")
    assert len(world.endpoints.received) == 1
