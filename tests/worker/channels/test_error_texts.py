"""An endpoint's words in an error: five hundred characters of them, or what stands for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.channels.channel import BROKEN, DELIVERED, REJECTED, THROTTLED
from notification.channels.registry import CHANNELS
from notification.ports.outbound import OutboundAnswer

NOW_MS = 1_767_225_600_000
WORDS = "x" * 500
LONG = "x" * 501


def judged(channel: str, status: int, body: Any) -> tuple[str, str, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    verdict = CHANNELS[channel].judge(OutboundAnswer(status, {}, text), NOW_MS)
    return verdict.outcome, verdict.code, verdict.error


@pytest.mark.parametrize(
    ("channel", "status", "body", "code", "error"),
    [
        ("webhook", 500, LONG, "HTTP_ERROR", f"HTTP 500: {WORDS}"),
        (
            *("teams", 400, {"error": {"code": "Some", "message": LONG}}),
            *("TEAMS_ERROR", f"Teams workflow error: {WORDS}"),
        ),
        ("teams", 400, {"error": {"code": "Some"}}, "TEAMS_ERROR", "Teams workflow error: Some"),
        (
            *("discord", 400, {"code": 5, "message": LONG}),
            *("DISCORD_ERROR", f"Discord API error: {WORDS}"),
        ),
        ("discord", 400, {"code": 5}, "DISCORD_ERROR", "Discord API error: 400"),
        ("discord", 400, {"code": 0}, "HTTP_ERROR", 'HTTP 400: {"code": 0}'),
        ("discord", 400, {"code": True}, "HTTP_ERROR", 'HTTP 400: {"code": true}'),
        (
            *("telegram", 400, {"ok": False, "error_code": 7, "description": LONG}),
            *("TELEGRAM_API_ERROR", f"Telegram API error: {WORDS}"),
        ),
        (
            *("telegram", 400, {"ok": False, "error_code": 7}),
            *("TELEGRAM_API_ERROR", "Telegram API error: 7"),
        ),
        (
            *("telegram", 200, {"description": LONG}),
            *("TELEGRAM_API_ERROR", f"Telegram API error: {WORDS}"),
        ),
        (
            *("telegram", 200, {}),
            *("TELEGRAM_API_ERROR", "Telegram API error: the answer is not Telegram's"),
        ),
        ("slack", 400, "some_error", "SLACK_ERROR", "Slack API error: some_error"),
        ("slack", 400, f"a_{'x' * 63}", "SLACK_ERROR", f"Slack API error: a_{'x' * 62}"),
        ("slack", 400, {"error": "a_name"}, "SLACK_ERROR", "Slack API error: a_name"),
        ("slack", 400, {"error": "named"}, "HTTP_ERROR", 'HTTP 400: {"error": "named"}'),
        ("slack", 200, f"X {LONG}", "SLACK_ERROR", f"Slack API error: X {'x' * 498}"),
        ("slack", 200, "", "SLACK_ERROR", "Slack API error: the answer is empty"),
        ("lark", 200, {"code": 5, "msg": LONG}, "LARK_ERROR", f"Lark API error: {WORDS}"),
        ("lark", 200, {"code": 5}, "LARK_ERROR", "Lark API error: 5"),
        ("lark", 200, {"msg": LONG}, "LARK_ERROR", f"Lark API error: {WORDS}"),
        ("lark", 200, {}, "LARK_ERROR", "Lark API error: the answer is not Lark's"),
        ("ntfy", 400, {"code": 40_000, "error": LONG}, "NTFY_ERROR", f"ntfy error: {WORDS}"),
        ("ntfy", 500, {"code": 59_999}, "NTFY_ERROR", "ntfy error: 59999"),
        ("ntfy", 400, {"code": 39_999}, "HTTP_ERROR", 'HTTP 400: {"code": 39999}'),
        ("ntfy", 400, {"code": 60_000}, "HTTP_ERROR", 'HTTP 400: {"code": 60000}'),
        (
            *("googlechat", 400, {"error": {"status": "SOME", "message": LONG}}),
            *("GOOGLECHAT_ERROR", f"Google Chat API error: {WORDS}"),
        ),
        (
            *("googlechat", 400, {"error": {"status": "SOME"}}),
            *("GOOGLECHAT_ERROR", "Google Chat API error: SOME"),
        ),
    ],
)
def test_an_error_has_the_endpoints_words(
    channel: str, status: int, body: Any, code: str, error: str
) -> None:
    _, found_code, found = judged(channel, status, body)
    assert (found_code, found) == (code, error)


@pytest.mark.parametrize(
    ("msg", "outcome"), [("frequency limit", THROTTLED), (f"{'x' * 498}frequency limit", REJECTED)]
)
def test_larks_ambiguous_code_is_told_by_the_start_of_its_words(msg: str, outcome: str) -> None:
    assert judged("lark", 200, {"code": 9_499, "msg": msg})[0] == outcome


def test_a_word_that_slack_gives_is_delivered_only_if_it_is_ok() -> None:
    assert judged("slack", 200, " ok\n")[0] == DELIVERED
    assert judged("slack", 200, "okay")[0] == BROKEN
