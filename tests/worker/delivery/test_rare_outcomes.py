"""Outcomes of attempts that hardly ever happen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from notification.channels.registry import CHANNELS
from notification.delivery.fallback import resolve_fallbacks
from notification.logging import Log
from notification.ports.database import DatabaseError, Statement
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from tests.worker.endpoints import answer
from tests.worker.queues import retry_message
from tests.worker.world import World

BOT = {"bot_token": "123456789:" + "a" * 35, "chat_id": "5", "split_long": True}


def down(statements: Sequence[Statement]) -> None:
    raise DatabaseError("away")


def last_attempt(world: World) -> dict[str, Any]:
    attempt: dict[str, Any] = json.loads(world.logs()[-1]["attempts"])[-1]
    return attempt


def test_a_channel_of_another_release_is_not_supported(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    for table in ("notification_logs", "user_configs"):
        world.database.connection.execute(f"UPDATE {table} SET channel_type = 'fax'")  # noqa: S608
    world.clock.ms += 60_000
    world.consume("retry-queue", [retry_message(world.logs()[0])])
    [row] = world.logs()
    assert (row["status"], row["last_error_code"]) == ("failed", "UNSUPPORTED_CHANNEL")
    assert row["error"] == "Unsupported channel fax"


def test_a_channel_that_fails_to_write_ends_the_notification(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise KeyError("secret")

    world.configure()
    monkeypatch.setattr(type(CHANNELS["webhook"]), "compose", fail)
    [result] = world.send().json["results"]
    assert (result["status"], result["code"]) == ("failed", "WEBHOOK_ERROR")
    assert result["error"] == "webhook send failed: KeyError"


@pytest.mark.parametrize(("each_ms", "calls", "status"), [(8_333, 3, "sent"), (12_500, 2, "retry")])
def test_all_parts_of_a_message_share_one_attempts_time(
    world: World, each_ms: int, calls: int, status: str
) -> None:
    world.configure("u1", "telegram", **BOT)
    timeouts = []

    def behave(request: OutboundRequest) -> OutboundAnswer:
        timeouts.append(request.timeout_ms)
        world.clock.ms += each_ms
        return answer(200, '{"ok": true}')

    world.endpoints.behave = behave
    world.send(channels=["telegram"], custom_content={"content": "word " * 2_400})
    assert world.logs()[0]["status"] == status
    left = [25_000 - each_ms * call for call in range(calls)]
    assert timeouts == [min(10_000, ms) for ms in left]
    if status == "retry":
        assert last_attempt(world)["code"] == "TIMEOUT_ERROR"
        assert last_attempt(world)["error"] == "Request timeout"


def test_fallbacks_that_cannot_be_released_are_left_to_the_sweep(world: World) -> None:
    world.database.before_batch = down
    platform = world.platform()
    world.run(resolve_fallbacks([1], platform=platform, log=Log.of(platform)))
    [line] = world.log_sink.lines
    assert (line["level"], line["message"]) == ("warn", "Releasing fallbacks failed")
    assert line["error"] == "away"


def test_what_cannot_be_lined_up_comes_again_in_half_a_minute(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(500)
    world.send()
    world.request("PUT", "/api/holds/webhook", {"until": "2026-01-02T00:00:00Z"})
    world.database.connection.execute("UPDATE notification_logs SET held_until = NULL")
    world.database.connection.execute(
        "UPDATE notification_logs SET next_retry_at = '2026-01-01T00:00:00.000Z'"
    )

    def fail(statements: Sequence[Statement]) -> None:
        if any("INSERT INTO endpoint_lines" in statement.sql for statement in statements):
            raise DatabaseError("away")

    world.database.before_batch = fail
    message = retry_message(world.logs()[0])
    world.consume("retry-queue", [message])
    assert message.outcome == 30
    assert [line["error"] for line in world.log_sink.lines if line["level"] == "error"] == ["away"]
