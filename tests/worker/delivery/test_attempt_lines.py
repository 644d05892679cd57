"""The log lines of attempts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.worker.endpoints import answer
from tests.worker.stepped_timeline import SteppedTimeline
from tests.worker.world import World

LARK = "https://open.larksuite.com/open-apis/bot/v2/hook/x"
SLACK = "https://hooks.slack.com/services/T0/B0/x"
CONFIGS: dict[str, dict[str, Any]] = {
    "webhook": {"webhook_url": "https://hooks.example.com/in"},
    "telegram": {"bot_token": "123456789:AAF_abcdefghijklmnopqrstuvwxyz-12345", "chat_id": 1},
    "lark": {"webhook_url": LARK},
    "slack": {"webhook_url": SLACK},
}
ACCEPTED = '{"ok": true, "code": 0}'
TOO_LONG = {"webhook": 100_000, "telegram": 4_096, "lark": 10_000, "slack": 40_000}


def told(world: World, channel: str, content: dict[str, str]) -> dict[str, Any]:
    """What the line of a send tells of its one attempt, which is accepted."""
    world.configure("u1", channel, **CONFIGS[channel])
    world.endpoints.behave = lambda request: answer(200, ACCEPTED)
    world.send(channels=[channel], custom_content=content)
    [line] = world.log_sink.of_type("api_request")[-1:]
    [attempt] = line["attempts"]
    found: dict[str, Any] = attempt
    return found


@pytest.mark.requirement("C-4", "B-15", "C-12.1")
@pytest.mark.parametrize("channel", CONFIGS)
def test_a_truncated_attempt_is_logged_as_such(world: World, channel: str) -> None:
    most = min(TOO_LONG[channel], 99_999)
    assert "truncated" not in told(world, channel, {"content": "fits"})
    # A webhook takes all that a send does, but a subject's limit is its own.
    content = {"subject": "s" * 1_000, "content": "x" * (most + 1)}
    attempt = told(world, channel, content)
    assert attempt.get("truncated", False) is (channel != "webhook")


@pytest.mark.requirement("C-12.1")
def test_what_was_accepted_stands_in_the_requests_line_and_the_rest_in_its_own(
    world: World,
) -> None:
    for channel, config in CONFIGS.items():
        world.configure("u1", channel, **config)
    world.endpoints.behave = lambda request: (
        answer(500, "down") if "slack" in request.url else answer(200, ACCEPTED)
    )
    sent = world.send(channels=["webhook", "lark", "slack"]).json["results"]
    [line] = [each for each in world.log_sink.lines if "attempts" in each]
    assert (line["type"], line["level"], line["statusCode"]) == ("api_request", "info", 200)
    shown = {each["channel"]: each for each in line["attempts"]}
    assert set(shown) == {"webhook", "lark"}
    assert shown["lark"]["messageId"] == sent[1]["messageId"]
    assert shown["lark"]["logId"] == sent[1]["logId"]
    assert {each["outcome"] for each in shown.values()} == {"delivered"}
    assert {(each["statusCode"], each["retryCount"]) for each in shown.values()} == {(200, 0)}
    [failed] = world.log_sink.of_type("delivery_attempt")
    assert (failed["channel"], failed["accepted"], failed["level"]) == ("slack", False, "warn")
    assert failed["requestId"] == line["requestId"]


@pytest.mark.requirement("C-12.1")
def test_a_retry_that_is_accepted_has_a_line_of_its_own(world: World) -> None:
    timeline = SteppedTimeline(world)
    timeline.configure("ann")
    timeline.endpoint_answers(500).at(0).push("order")
    timeline.at(5).endpoint_answers(200)
    timeline.at(60).expect("order", status="sent")
    lines = world.log_sink.of_type("delivery_attempt")
    assert [(line["accepted"], line["retryCount"]) for line in lines] == [(False, 0), (True, 1)]
    assert not any("attempts" in line for line in world.log_sink.lines)


@pytest.mark.requirement("C-1.4", "C-12.1")
def test_a_retry_is_logged_under_the_request_that_it_came_with(world: World) -> None:
    timeline = SteppedTimeline(world)
    timeline.configure("ann")
    timeline.endpoint_answers(500).at(0)
    timeline.begin(
        "order",
        "POST",
        "/api/notifications/send",
        {"user_id": "ann", "channels": ["webhook"], "custom_content": {"content": "x"}},
        headers={"X-Request-Id": "the-callers-own-id"},
    )
    timeline.at(120)
    attempts = world.log_sink.of_type("delivery_attempt")
    assert [line["requestId"] for line in attempts] == ["the-callers-own-id"] * 3
    assert [line["retryCount"] for line in attempts] == [0, 1, 2]
    [dead] = world.log_sink.of_type("dead_letter")
    assert (dead["requestId"], dead["code"]) == ("the-callers-own-id", "HTTP_ERROR")


@pytest.mark.requirement("B-39", "C-12.1")
def test_no_log_line_contains_an_endpoints_answer(world: World) -> None:
    world.endpoints.behave = lambda request: answer(500, "the-endpoint-told-a-secret")
    timeline = SteppedTimeline(world)
    timeline.configure("ann")
    timeline.at(0).push("order")
    timeline.at(120).expect("order", status="failed")
    assert timeline.logged("dead_letter") == 1
    assert "told-a-secret" in str(world.logs()[-1]["error"])
    assert "told-a-secret" not in str(world.log_sink.lines)


@pytest.mark.requirement("C-12.1")
def test_the_monitoring_writes_a_line_per_metric(world: World) -> None:
    world.configure()
    world.send()
    world.cron()
    metrics = {line["name"]: line["value"] for line in world.log_sink.of_type("metric")}
    assert metrics["notifications.sent"] == 1
    assert metrics["performance.successRate"] == 100
    assert all(line["tags"] == {} for line in world.log_sink.of_type("metric"))
