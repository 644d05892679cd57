"""What a caller wrote is quoted in refusals and log lines, but not all of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.worker.world import World

LONG = "x" * 101
SHOWN = "x" * 100
SEND = {"user_id": "u1", "custom_content": {"content": "c"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "begins"),
    [
        (
            *("POST", "/api/notifications/send", {**SEND, "channels": [LONG]}),
            f"Invalid channel: {SHOWN}. Valid",
        ),
        ("GET", f"/api/logs?channel={LONG}", None, f"Invalid channel: {SHOWN}. Valid"),
        (
            *("GET", f"/api/stats/series?metric=sent&channel={LONG}", None),
            f"Invalid channel: {SHOWN}. Valid",
        ),
        (
            *("PUT", f"/api/holds/{LONG}", {"until": "2026-01-02"}),
            f"Invalid channel: {SHOWN}. Valid",
        ),
        ("POST", "/api/notifications/retry", {"channel": LONG}, f"Invalid channel: {SHOWN}"),
        (
            *("POST", "/api/templates/t", {"contents": {LONG: {"content_template": "x"}}}),
            f"Invalid channel: {SHOWN}. Valid",
        ),
        (
            *("POST", "/api/scheduled-tasks/trigger", {"taskName": LONG}),
            f"Unknown task: {SHOWN}. Known",
        ),
        (
            *("POST", "/api/queue/purge-test-data", {"testUserIds": [LONG]}),
            f"Not a test user: {SHOWN}. Use force",
        ),
        ("GET", f"/api/logs?{LONG}=1", None, f"Unknown query parameter '{SHOWN}' for GET"),
    ],
)
def test_a_refusal_quotes_a_hundred_characters(
    world: World, method: str, path: str, body: Any, begins: str
) -> None:
    refused = world.request(method, path, body)
    assert refused.status == 400
    assert refused.json["error"].startswith(begins)
    assert LONG not in refused.text


@pytest.mark.parametrize(("length", "shown"), [(299, 300), (300, 300)])
def test_a_line_has_three_hundred_characters_of_a_path(
    world: World, length: int, shown: int
) -> None:
    path = "/" + "p" * length
    assert world.request("GET", path).status == 404
    [line] = world.log_sink.of_type("api_request")
    assert line["path"] == path[:shown]
    assert line["message"] == f"GET {path[:shown]} 404 0ms"


def test_a_line_has_twenty_characters_of_a_method(world: World) -> None:
    assert world.request("M" * 21, "/health").status == 405
    [line] = world.log_sink.of_type("api_request")
    assert (line["method"], line["message"]) == ("M" * 20, f"{'M' * 20} /health 405 0ms")
