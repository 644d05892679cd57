"""Endpoints that are gone are switched off and told; a chat that moved is followed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.sink.chat import ChatAnswer, ChatCall, Telegram
from tests.promise.simulated_timeline import SimulatedTimeline

HOUR = 3_600
DAY = 24 * HOUR
TOKEN = "123456:" + "A" * 30


def operators_are(timeline: SimulatedTimeline, user: str) -> None:
    timeline.configure(user)
    timeline.simulation.sqlite.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('alert_user_id', ?)", (user,)
    )


def config_of(timeline: SimulatedTimeline, user: str, channel: str = "webhook") -> dict[str, Any]:
    path = f"/api/user-configs?user_id={user}&channel_type={channel}"
    [shown] = timeline.simulation.request("GET", path).json["data"]
    found: dict[str, Any] = shown
    return found


def save(timeline: SimulatedTimeline, user: str, channel: str, config: dict[str, Any]) -> None:
    body = {"user_id": user, "channel_type": channel, "config_data": config}
    assert timeline.simulation.request("POST", "/api/user-configs", body).status in (200, 201)


@pytest.mark.requirement("C-0.38")
def test_410_switches_the_configuration_off_and_says_why_and_since_when(
    timeline: SimulatedTimeline,
) -> None:
    operators_are(timeline, "ops")
    timeline.endpoint("ann").down(status=410)
    assert config_of(timeline, "ann")["is_active"] is True
    timeline.at(10).push("order").expect_reply("order", 200, results=["failed"])
    shown = config_of(timeline, "ann")
    assert shown["is_active"] is False
    assert shown["deactivated_reason"].startswith("HTTP 410")
    assert shown["deactivated_at"].startswith("2026-01-01T00:00:10")
    timeline.push("next").expect_reply("next", 400, code="USER_NO_CHANNELS")
    timeline.at(12)
    [alert] = [row for row in timeline.rows("ops") if "switched off" in row["content"]]
    assert "webhook of ann: HTTP 410" in alert["content"]
    assert timeline.row("order")["error"].startswith("HTTP 410")
    assert "maximum retries" not in timeline.row("order")["error"]
    timeline.at(5 * HOUR)
    assert len([row for row in timeline.rows("ops") if "switched off" in row["content"]]) == 1


@pytest.mark.requirement("C-0.38")
def test_what_the_queue_forgot_is_told_within_the_hour(timeline: SimulatedTimeline) -> None:
    operators_are(timeline, "ops")
    timeline.endpoint("ann").down(status=410)
    timeline.queue_is_down().at(10).push("order").at(20)
    timeline.queue_is_down(down=False)
    assert timeline.rows("ops") == []
    timeline.at(2 * HOUR)
    [alert] = [row for row in timeline.rows("ops") if "switched off" in row["content"]]
    assert "webhook of ann: HTTP 410" in alert["content"]


class Saying:
    """A provider that answers every call alike."""

    name = "saying"

    def __init__(self, status: int, body: str) -> None:
        self._answer = ChatAnswer(status, body)

    def serves(self, path: str) -> bool:
        """See `ChatApi.serves`."""
        return True

    def receive(self, call: ChatCall) -> ChatAnswer:
        """See `ChatApi.receive`."""
        return self._answer

    def failure(self, code: str) -> ChatAnswer | None:
        """See `ChatApi.failure`."""
        return None


LARK = "https://open.larksuite.com/open-apis/bot/v2/hook/x"
SLACK = "https://hooks.slack.com/services/T0/B0/x"
DISCORD = "https://discord.com/api/webhooks/1/token"
TEAMS = "https://x.logic.azure.com/workflows/w1/triggers/manual/paths/invoke?sig=x"
BOT = {"bot_token": TOKEN, "chat_id": 5}


@pytest.mark.requirement("C-0.38")
@pytest.mark.parametrize(
    ("channel", "config", "status", "body", "gone"),
    [
        ("slack", {"webhook_url": SLACK}, 404, "no_service", True),
        ("slack", {"webhook_url": SLACK}, 403, "action_prohibited", False),
        ("slack", {"webhook_url": SLACK}, 410, "channel_is_archived", True),
        ("lark", {"webhook_url": LARK}, 200, '{"code":19001,"msg":"param invalid"}', True),
        ("lark", {"webhook_url": LARK}, 200, '{"code":19024,"msg":"Key Words Not Found"}', False),
        (
            "telegram",
            BOT,
            403,
            '{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}',
            True,
        ),
        (
            "telegram",
            BOT,
            403,
            '{"ok":false,"error_code":403,"description":"bot can\'t initiate conversation"}',
            False,
        ),
        ("discord", {"webhook_url": DISCORD}, 404, '{"message":"Unknown","code":10015}', True),
        ("discord", {"webhook_url": DISCORD}, 400, '{"message":"Bad","code":50035}', False),
        ("teams", {"webhook_url": TEAMS}, 404, '{"error":{"code":"WorkflowNotFound"}}', True),
        (
            "teams",
            {"webhook_url": TEAMS},
            400,
            '{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"in state \'Deleted\'"}}',
            True,
        ),
        (
            "teams",
            {"webhook_url": TEAMS},
            400,
            '{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"in state \'Disabled\'"}}',
            False,
        ),
        ("ntfy", {"topic": "t"}, 410, "gone", True),
        ("ntfy", {"topic": "t"}, 403, '{"code":40301,"http":403,"error":"forbidden"}', False),
    ],
)
def test_each_providers_word_that_an_endpoint_is_gone_switches_it_off_at_once(
    timeline: SimulatedTimeline,
    channel: str,
    config: dict[str, Any],
    status: int,
    body: str,
    gone: bool,
) -> None:
    operators_are(timeline, "ops")
    hosts = {"ntfy": "ntfy.sh", "telegram": "api.telegram.org"}
    host = hosts.get(channel) or str(config["webhook_url"]).split("/")[2]
    timeline.simulation.endpoints.apis[host] = Saying(status, body)
    save(timeline, "ann", channel, config)
    timeline.at(5).push("order", channels=(channel,)).expect_reply("order", 200, results=["failed"])
    timeline.at(10)
    assert config_of(timeline, "ann", channel)["is_active"] is not gone
    told = [row for row in timeline.rows("ops") if "switched off" in row["content"]]
    assert len(told) == gone


@pytest.mark.requirement("C-0.38")
def test_a_save_switches_it_on_again(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(status=410, between=(0, 20))
    timeline.at(10).push("order").at(30)
    timeline.configure("ann")
    shown = config_of(timeline, "ann")
    assert shown["is_active"] is True
    assert "deactivated_at" not in shown
    timeline.push("next").expect_reply("next", 200, results=["sent"])


@pytest.mark.requirement("C-0.38")
def test_a_configuration_that_was_saved_during_the_attempt_stays_on(
    timeline: SimulatedTimeline,
) -> None:
    timeline.endpoint("ann").slow(5, between=(0, 1))
    timeline.endpoint("ann").down(status=410, between=(0, 20))
    spell = timeline.simulation.endpoints._spells["hooks.example.com/services/ann"]
    spell[-1] = type(spell[-1])(0, 20, 410, 5)
    timeline.at(10).push("order").at(12)
    timeline.configure("ann")
    timeline.expect_reply("order", 200, results=["failed"])
    assert config_of(timeline, "ann")["is_active"] is True


@pytest.mark.requirement("C-0.38")
@pytest.mark.parametrize("status", [404, 500])
def test_nothing_but_failures_for_five_days_switches_it_off(
    timeline: SimulatedTimeline, status: int
) -> None:
    operators_are(timeline, "ops")
    timeline.endpoint("ann").down(status=status, between=(100, 20 * DAY))
    timeline.at(0).push("first").expect_reply("first", 200, results=["sent"])
    for day in range(6):
        timeline.at(HOUR + day * (DAY + 60)).push(f"n{day}")
        timeline.at(timeline.simulation.now + 600)
        assert config_of(timeline, "ann")["is_active"] is True
    timeline.at(timeline.simulation.now + 2 * HOUR)
    shown = config_of(timeline, "ann")
    assert shown["is_active"] is False
    assert shown["deactivated_reason"] == "Nothing was delivered for 5 days"
    assert any("webhook of ann" in row["content"] for row in timeline.rows("ops"))


@pytest.mark.requirement("C-0.38")
def test_one_delivery_among_the_failures_keeps_it_on(timeline: SimulatedTimeline) -> None:
    timeline.endpoint("ann").down(status=404, between=(100, 20 * DAY))
    timeline.endpoint("ann").down(status=200, between=(3 * DAY, 3 * DAY + HOUR))
    for day in range(7):
        timeline.at(HOUR / 2 + day * DAY).push(f"n{day}")
    timeline.at(7 * DAY)
    assert config_of(timeline, "ann")["is_active"] is True


class Moving(Telegram):
    """A Telegram whose group -100 has become the supergroup -1001."""

    def receive(self, call: ChatCall) -> ChatAnswer:
        if json.loads(call.body)["chat_id"] != -100:
            return super().receive(call)
        moved = {"migrate_to_chat_id": -1001}
        body = {"ok": False, "error_code": 400, "description": "upgraded", "parameters": moved}
        return ChatAnswer(400, json.dumps(body))


@pytest.mark.requirement("C-0.38")
def test_a_group_that_became_a_supergroup_is_followed_once_and_stored(
    timeline: SimulatedTimeline,
) -> None:
    timeline.simulation.endpoints.apis["api.telegram.org"] = Moving()
    save(timeline, "ann", "telegram", {"bot_token": TOKEN, "chat_id": -100})
    timeline.at(1).push("one", channels=("telegram",)).expect_reply("one", 200, results=["sent"])
    timeline.at(10).push("two", channels=("telegram",)).expect_reply("two", 200, results=["sent"])
    chats = [json.loads(a.request.body)["chat_id"] for a in timeline.simulation.endpoints.arrivals]
    assert chats == [-100, -1001, -1001]
    assert config_of(timeline, "ann", "telegram")["config_data"]["chat_id"] == -1001


def test_a_telegram_topic_is_named(timeline: SimulatedTimeline) -> None:
    timeline.simulation.endpoints.apis["api.telegram.org"] = Telegram()
    save(timeline, "ann", "telegram", {"bot_token": TOKEN, "chat_id": -1, "message_thread_id": 7})
    timeline.at(1).push("one", channels=("telegram",)).expect_reply("one", 200, results=["sent"])
    [arrival] = timeline.simulation.endpoints.arrivals
    assert json.loads(arrival.request.body)["message_thread_id"] == 7


@pytest.mark.parametrize("topic", [0, -1, "7", True, 1.5])
def test_a_topic_that_is_no_positive_integer_is_refused(
    timeline: SimulatedTimeline, topic: object
) -> None:
    config = {"bot_token": TOKEN, "chat_id": -1, "message_thread_id": topic}
    body = {"user_id": "ann", "channel_type": "telegram", "config_data": config}
    refused = timeline.simulation.request("POST", "/api/user-configs", body)
    assert refused.status == 400
    assert "message_thread_id" in refused.json["error"]
