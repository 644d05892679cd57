"""Refusals and states that few callers ever see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from notification.ports.database import DatabaseError, Statement
from notification.tasks.run_lock import RunLock
from tests.worker.endpoints import answer
from tests.worker.world import World


def test_a_task_that_is_at_work_is_not_run_twice(world: World) -> None:
    assert world.run(RunLock(world.platform(), "monitoring").take()) == {}
    busy = world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
    assert busy.code == "TASK_RUNNING"
    assert busy.json["error"] == "Another run of monitoring is at work; please try again"
    assert (busy.json["retryAfter"], busy.headers["Retry-After"]) == (60, "60")


def test_the_health_of_tasks_needs_the_database(world: World) -> None:
    def down(statements: Sequence[Statement]) -> None:
        raise DatabaseError("away")

    world.database.before_batch = down
    health = world.request("GET", "/health/scheduled-tasks", signed=False)
    assert health.status == 500
    assert health.json == {"error": "Failed to retrieve scheduled tasks health"}


def test_without_its_cache_the_service_is_unhealthy(world: World) -> None:
    class Down:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("away")

    world.cache = Down()
    health = world.request("GET", "/health", signed=False)
    assert (health.status, health.json["status"]) == (503, "unhealthy")
    assert (health.json["cache"], health.json["services"]["cache"]) == ("disconnected", False)


@pytest.mark.parametrize(("count", "code"), [(10, "USER_NO_CHANNELS"), (11, "INVALID_CHANNELS")])
def test_a_send_names_ten_channels_at_most(world: World, count: int, code: str) -> None:
    refused = world.send(channels=[f"webhook:e{number}" for number in range(count)])
    assert refused.code == code
    if count > 10:
        assert refused.json["error"] == "channels must not exceed 10"


@pytest.mark.parametrize(("length", "status"), [(100_000, 200), (100_001, 400)])
def test_a_template_has_a_hundred_thousand_characters(
    world: World, length: int, status: int
) -> None:
    contents = {"webhook": {"content_template": "x" * length}}
    saved = world.request("POST", "/api/templates/t", {"contents": contents})
    assert saved.status == status
    if status == 400:
        assert saved.json["error"] == "content_template must not exceed 100000 characters"


def test_a_configuration_that_was_switched_off_says_when_and_why(world: World) -> None:
    world.configure()
    world.clock.ms += 5
    world.endpoints.behave = lambda request: answer(410, "gone")
    world.send()
    [shown] = world.request("GET", "/api/user-configs?user_id=u1").json["data"]
    assert (shown["is_active"], shown["deactivated_at"], shown["deactivated_reason"]) == (
        *(False, "2026-01-01T00:00:00.005Z", "HTTP 410: gone"),
    )


@pytest.mark.parametrize("levels", [32, 33])
def test_a_call_to_the_bridge_nests_thirty_two_levels(world: World, levels: int) -> None:
    world.environment["BRIDGE_TOKEN"] = "t" * 32
    world.configure()
    called = world.request(
        "POST",
        "/web_hook/bridge/u1/webhook",
        raw=b"[" * levels + b"1" + b"]" * levels,
        signed=False,
        headers={"X-Bridge-Token": "t" * 32, "Content-Type": "application/json"},
    )
    if levels == 32:
        assert called.status == 200
    else:
        assert (called.status, called.code) == (400, "INVALID_REQUEST")
        assert called.json["error"] == "Invalid request body: nested deeper than 32 levels"


@pytest.mark.parametrize(
    ("channel", "config", "error"),
    [
        ("discord", {"username": 5}, "username must be a string"),
        ("discord", {"avatar_url": 5}, "avatar_url must be a string"),
        ("lark", {"secret": 5}, "secret must be a string"),
        ("telegram", {"message_thread_id": 0}, "message_thread_id must be a positive integer"),
        ("telegram", {"message_thread_id": True}, "message_thread_id must be a positive integer"),
        ("telegram", {"message_thread_id": "5"}, "message_thread_id must be a positive integer"),
        ("telegram", {"message_thread_id": 1}, ""),
    ],
)
def test_a_field_of_another_kind_is_refused(
    world: World, channel: str, config: dict[str, Any], error: str
) -> None:
    whole = {
        "discord": {"webhook_url": "https://discord.com/api/webhooks/1/token"},
        "lark": {"webhook_url": "https://open.larksuite.com/open-apis/bot/v2/hook/x"},
        "telegram": {"bot_token": "123456789:" + "a" * 35, "chat_id": "5"},
    }[channel]
    document = {"user_id": "u1", "channel_type": channel, "config_data": {**whole, **config}}
    world.checks_accepted_bodies = False
    saved = world.request("POST", "/api/user-configs", document)
    assert saved.status == (400 if error else 201), saved.text
    if error:
        assert saved.json["error"] == error
    else:
        world.send(channels=[channel])
        assert world.endpoints.bodies[0]["message_thread_id"] == 1


@pytest.mark.parametrize(
    ("channel", "content", "variables", "error"),
    [
        (
            "webhook",
            {"content_type": "json", "content_template": '{"n": {{n}}}'},
            {},
            "The rendered content is not JSON: ",
        ),
        ("slack", {"content_template": "{{n}}"}, {"n": " "}, "The content is blank"),
        ("lark", {"content_template": "{{#if n}}"}, {}, "Invalid template syntax: "),
    ],
)
def test_a_preview_says_why_a_channel_could_not_send_it(
    world: World,
    channel: str,
    content: dict[str, str],
    variables: dict[str, str],
    error: str,
) -> None:
    draft = {"contents": {channel: content, "telegram": {"content_template": "fine"}}}
    shown = world.request(
        "POST", "/api/templates/t/preview", {"variables": variables, **draft}
    ).json["data"]
    assert shown[channel]["error"].startswith(error)
    assert "payloads" not in shown[channel]
    assert (shown["telegram"]["content"], "error" in shown["telegram"]) == ("fine", False)


@pytest.mark.parametrize("declared", ["{", "[]", "7", ""])
def test_fingerprints_that_cannot_be_read_match_nothing(world: World, declared: str) -> None:
    world.environment["SECRET_FINGERPRINTS"] = declared
    assert world.request("GET", "/api/deployment").status == 200
