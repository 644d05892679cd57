"""Accepting a notification."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from notification.ports.database import DatabaseError, Statement
from tests.worker.endpoints import answer
from tests.worker.world import ENDPOINT, World


def test_the_answer_has_the_contracts_shape(world: World) -> None:
    world.configure()
    sent = world.send()
    assert sent.status == 200
    body = sent.json
    assert body["success"] is True
    assert body["request_id"] == sent.headers["X-Request-Id"]
    [result] = body["results"]
    assert re.fullmatch(r"ntf_1767225600000_webhook_[0-9a-f]{12}", result["messageId"])
    assert result["status"] == "sent"
    assert result["details"] == {"ok": True}
    assert result["userId"] == "u1"
    assert result["logId"] == world.logs()[0]["id"]


def test_the_alias_sends_too(world: World) -> None:
    world.configure()
    body = {"user_id": "u1", "channels": ["webhook"], "custom_content": {"content": "x"}}
    assert world.request("POST", "/api/send-notification", body).status == 200


@pytest.mark.requirement("B-02")
@pytest.mark.requirement("C-0.4")
def test_the_row_is_pending_and_leased_before_the_first_attempt(world: World) -> None:
    world.configure()
    seen: list[dict[str, Any]] = []

    def look(request: object) -> Any:
        seen.extend(world.logs())
        return answer()

    world.endpoints.behave = look
    world.send(variables={"a": 1}, metadata={"m": 2})
    [row] = seen
    assert row["status"] == "pending"
    assert row["lease_token"]
    assert row["lease_until"] == "2026-01-01T00:01:00.000Z"
    assert json.loads(row["variables"]) == {"a": 1}
    assert json.loads(row["metadata"]) == {"m": 2}


def test_the_row_tells_the_outcome_and_the_attempt(world: World) -> None:
    world.configure()
    world.endpoints.takes_ms = 40
    sent = world.send()
    [row] = world.logs()
    assert (row["status"], row["error"]) == ("sent", None)
    assert row["sent_at"] == "2026-01-01T00:00:00.040Z"
    assert row["request_id"] == sent.headers["X-Request-Id"]
    assert json.loads(row["attempts"]) == [
        {
            "at": "2026-01-01T00:00:00.000Z",
            "status_code": 200,
            "duration_ms": 40,
            "version": "version-",
        }
    ]


def test_three_round_trips_cold_and_two_warm(world: World) -> None:
    world.configure()
    counts = []
    for key in ("a", "b", None):
        before = world.database.calls
        world.send(**({"idempotency_key": key} if key else {}))
        counts.append(world.database.calls - before)
    assert counts == [3, 2, 2]


@pytest.mark.requirement("C-0.10")
def test_a_changed_configuration_is_noticed_in_the_writing_batch(world: World) -> None:
    world.configure()
    world.send()
    other = World(environment=world.environment)
    other.database, other.clock = world.database, world.clock
    other.configure(webhook_url=ENDPOINT + "/new")
    before = world.database.calls
    [result] = world.send(idempotency_key="k").json["results"]
    assert result["status"] == "sent"
    assert world.endpoints.received[-1][1].url == ENDPOINT + "/new"
    assert world.database.calls - before == 4
    assert len(world.logs()) == 2


@pytest.mark.requirement("C-0.10", "C-5.5")
def test_a_template_that_was_changed_elsewhere_is_never_sent_in_its_old_form(world: World) -> None:
    def write(where: World, text: str) -> None:
        contents = {"contents": {"webhook": {"content_template": text}}}
        assert where.request("POST", "/api/templates/t", contents).status == 200

    world.configure()
    write(world, "old")
    world.send(custom_content=None, template_key="t")
    other = World(environment=world.environment)
    other.database, other.clock = world.database, world.clock
    write(other, "new")
    world.send(custom_content=None, template_key="t")
    assert [body["content"] for body in world.endpoints.bodies] == ["old", "new"]
    other.request("DELETE", "/api/templates/t")
    refused = world.send(custom_content=None, template_key="t")
    assert (refused.status, refused.code) == (400, "TEMPLATE_NOT_FOUND")


@pytest.mark.parametrize("change", ["delete", "deactivate"])
@pytest.mark.requirement("C-0.10")
def test_a_deleted_configuration_is_never_used_from_the_cache(world: World, change: str) -> None:
    world.configure()
    world.send()
    other = World(environment=world.environment)
    other.database, other.clock = world.database, world.clock
    if change == "delete":
        other.request("DELETE", "/api/user-configs?user_id=u1&channel_type=webhook")
    else:
        document = {"user_id": "u1", "channel_type": "webhook", "is_active": False}
        other.request("POST", "/api/user-configs", document)
    refused = world.send(idempotency_key="k")
    assert (refused.status, refused.code) == (400, "USER_NO_CHANNELS")
    assert refused.json["error"] == "User u1 has no configured channels"
    assert len(world.endpoints.received) == 1
    assert world.database.rows("SELECT * FROM idempotency_keys") == []


def test_a_taken_row_id_is_replaced_by_another(world: World) -> None:
    world.configure()
    world.send()
    taken = world.logs()[0]["id"]
    world.randomness = type(world.randomness)(1)
    for _ in range(3):
        world.clock.ms = 1_767_225_600_000
        assert world.send().json["results"][0]["status"] == "sent"
    assert len({row["id"] for row in world.logs()}) == 4
    assert taken in {row["id"] for row in world.logs()}


def test_when_the_database_fails_nothing_is_sent(world: World) -> None:
    world.configure()

    def fail(statements: Sequence[Statement]) -> None:
        raise DatabaseError("down")

    world.database.before_batch = fail
    refused = world.send(idempotency_key="k")
    assert (refused.status, refused.code) == (503, "DB_ERROR")
    assert refused.json["error"] == "Failed to fetch user configurations"
    assert world.endpoints.received == []


@pytest.mark.requirement("B-44")
@pytest.mark.parametrize("failures", [1, 2])
def test_a_failing_write_of_the_outcome_is_repeated(world: World, failures: int) -> None:
    world.configure()
    left = [failures]

    def fail(statements: Sequence[Statement]) -> None:
        if "SET\n  status" in statements[0].sql and left[0]:
            left[0] -= 1
            raise DatabaseError("hiccup")

    world.database.before_batch = fail
    assert world.send().json["results"][0]["status"] == "sent"
    assert world.logs()[0]["status"] == "sent"


def test_a_lost_answer_of_the_write_does_no_harm(world: World) -> None:
    world.configure()
    left = [1]

    def lose(statements: Sequence[Statement]) -> None:
        if "SET\n  status" in statements[0].sql and left[0]:
            left[0] -= 1
            raise DatabaseError("Network connection lost")

    world.database.after_batch = lose
    assert world.send().json["results"][0]["status"] == "sent"
    assert world.log_sink.of_type("lease_lost") == []


def test_an_outcome_that_cannot_be_written_is_reported_and_swept_up(world: World) -> None:
    world.configure()

    def fail(statements: Sequence[Statement]) -> None:
        if "SET\n  status" in statements[0].sql:
            raise DatabaseError("down")

    world.database.before_batch = fail
    [result] = world.send().json["results"]
    assert result["status"] == "pending"
    [line] = world.log_sink.of_type("delivery_unrecorded")
    assert line["messageId"] == result["messageId"]
    world.database.before_batch = None
    world.clock.ms += 300_000
    world.cron()
    world.deliver_queues()
    assert world.logs()[0]["status"] == "sent"
    ids = {r.headers["X-Notification-MessageId"] for _, r in world.endpoints.received}
    assert ids == {result["messageId"]}


@pytest.mark.requirement("B-02")
def test_a_caller_who_hangs_up_stops_nothing(world: World) -> None:
    world.configure()

    async def hang_up() -> None:
        world.endpoints.gate = asyncio.Event()
        body = {"user_id": "u1", "channels": ["webhook"], "custom_content": {"content": "x"}}
        request = asyncio.ensure_future(world.answer_to("POST", "/api/notifications/send", body))
        await world.endpoints.reached.wait()
        request.cancel()
        await asyncio.wait([request])
        world.endpoints.gate.set()

    world.run(hang_up())
    assert world.logs()[0]["status"] == "sent"


def test_a_line_tells_the_attempt_and_no_text_of_the_message(world: World) -> None:
    world.configure(webhook_url=ENDPOINT + "?token=in-the-url", secret="shared-secret")
    world.send(custom_content={"content": "private words", "subject": "private subject"})
    [attempt] = world.log_sink.of_type("api_request")[-1]["attempts"]
    assert (attempt["channel"], attempt["statusCode"]) == ("webhook", 200)
    written = json.dumps(world.log_sink.lines)
    for secret in ("private words", "private subject", "shared-secret", "in-the-url"):
        assert secret not in written


@pytest.mark.parametrize("way", ["single", "keyed", "channels", "batch", "template"])
def test_a_null_character_is_left_out_of_what_is_sent_and_of_what_is_kept(
    world: World, way: str
) -> None:
    world.configure()
    send: dict[str, Any] = {
        "user_id": "u1",
        "channels": ["webhook"],
        "custom_content": {"subject": "s\0t", "content": "a\0b"},
    }
    if way == "keyed":
        send["idempotency_key"] = "k"
    if way == "channels":
        world.configure(channel="webhook:second")
        send["channels"] = ["webhook", "webhook:second"]
    if way == "template":
        text = {"subject_template": "s{{x}}t", "content_template": "a{{x}}b"}
        made = world.request("POST", "/api/templates/t", {"contents": {"webhook": text}})
        assert made.status == 200
        del send["custom_content"]
        send |= {"template_key": "t", "variables": {"x": "\0"}}
    if way == "batch":
        sends = {"notifications": [send, send]}
        assert world.request("POST", "/api/notifications/batch", sends).status == 200
    else:
        assert world.request("POST", "/api/notifications/send", send).status == 200
    count = 2 if way in {"channels", "batch"} else 1
    assert [(row["subject"], row["content"]) for row in world.logs()] == [("st", "ab")] * count
    assert [(body["subject"], body["content"]) for body in world.endpoints.bodies] == (
        [("st", "ab")] * count
    )
