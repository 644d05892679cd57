"""What the log says of an outcome that concerns more than its notification."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.ports.database import DatabaseError
from notification.timestamps import iso
from tests.worker.endpoints import answer
from tests.worker.world import World


def test_an_outcome_whose_row_another_attempt_took_is_told_and_changes_nothing(
    world: World,
) -> None:
    world.configure()

    def behave(request: Any) -> Any:
        world.database.connection.execute("UPDATE notification_logs SET lease_token = 'other'")
        return answer(200, "")

    world.endpoints.behave = behave
    world.send()
    [row] = world.logs()
    [line] = world.log_sink.of_type("lease_lost")
    assert (line["level"], line["logId"], line["outcome"]) == ("warn", row["id"], "sent")
    assert line["messageId"] == row["message_id"]
    assert row["status"] == "pending"


def test_an_outcome_that_is_written_is_told_of_nobody_else(world: World) -> None:
    world.configure()
    world.send()
    for kind in ("lease_lost", "endpoint_gone", "endpoint_throttled", "delivery_unrecorded"):
        assert world.log_sink.of_type(kind) == []


@pytest.mark.parametrize(("status", "gone"), [(410, 1), (404, 0), (500, 0)])
def test_an_endpoint_that_is_gone_is_told_once_and_leaves_the_cache(
    world: World, status: int, gone: int
) -> None:
    world.configure()
    world.request("GET", "/api/user-configs?user_id=u1")
    world.endpoints.behave = lambda request: answer(status, "")
    world.send()
    lines = world.log_sink.of_type("endpoint_gone")
    assert len(lines) == gone
    for line in lines:
        assert (line["level"], line["channel"], line["userId"]) == ("warn", "webhook", "u1")
        assert line["logId"] == world.logs()[0]["id"]


def test_a_throttled_endpoint_is_told_with_its_times(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(429, "", retry_after="60")
    world.send()
    [row] = world.logs()
    [line] = world.log_sink.of_type("endpoint_throttled")
    assert (line["level"], line["channel"], line["userId"]) == ("warn", "webhook", "u1")
    assert (line["logId"], line["messageId"]) == (row["id"], row["message_id"])
    assert line["throttledUntil"] >= iso(world.clock.ms + 60_000)
    assert line["nextRetryAt"] == row["next_retry_at"]
    assert line["endpoint"]


@pytest.mark.parametrize(("status", "unrecorded"), [(200, 1), (500, 0)])
def test_a_delivery_that_cannot_be_written_is_told_after_every_try(
    world: World, status: int, unrecorded: int
) -> None:
    world.configure()

    def behave(request: Any) -> Any:
        def fail(statements: Any) -> None:
            raise DatabaseError("away")

        world.database.before_batch = fail
        return answer(status, "")

    world.endpoints.behave = behave
    world.send()
    tries = [
        line["triesLeft"]
        for line in world.log_sink.lines
        if line["message"] == "Writing an outcome failed"
    ]
    assert tries == list(range(len(tries) - 1, -1, -1))
    assert len(tries) > 1
    lines = world.log_sink.of_type("delivery_unrecorded")
    assert [line["level"] for line in lines] == ["error"] * unrecorded


@pytest.mark.parametrize("stored", [True, False])
def test_a_changed_configuration_is_told_with_its_fields_or_why_it_was_not_stored(
    world: World, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    token = "123456789:AAF_abcdefghijklmnopqrstuvwxyz-12345"
    world.configure("u1", "telegram", bot_token=token, chat_id=-100)

    def behave(request: Any) -> Any:
        if json.loads(request.body)["chat_id"] != -100:
            return answer(200, '{"ok": true, "result": {"message_id": 1}}')
        moved = {"migrate_to_chat_id": -1001}
        body = {"ok": False, "error_code": 400, "description": "upgraded", "parameters": moved}
        return answer(400, json.dumps(body))

    async def fail(key: str) -> None:
        raise ConnectionError(key)

    world.endpoints.behave = behave
    if not stored:
        monkeypatch.setattr(world.cache, "delete", fail)
    world.send("u1", ["telegram"])
    told = [
        (line["level"], line["userId"], line["channel"], line["fields"])
        for line in world.log_sink.of_type("config_changed")
    ]
    failed = [
        line["error"]
        for line in world.log_sink.lines
        if line["message"] == "Storing a changed configuration failed"
    ]
    if stored:
        assert (told, failed) == ([("info", "u1", "telegram", ["chat_id"])], [])
    else:
        assert (told, failed) == ([], ["ConnectionError"])
