"""Why a user gets nothing is said channel by channel, with the command that comes next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notification_sdk import ChannelConfig, LogEntry
from ops.cli.commands.explain import _of_channel, _told
from ops.stacks.moment import shown_time

THEN = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)


def config(channel: str = "slack", **changes: Any) -> ChannelConfig:
    fields: dict[str, Any] = {
        "id": 1,
        "user_id": "ada",
        "channel": channel,
        "config": {},
        "is_active": True,
        "created_at": THEN,
        "updated_at": THEN,
        **changes,
    }
    return ChannelConfig(**fields)


def entry(status: str, channel: str = "slack", code: str = "", **changes: Any) -> LogEntry:
    fields: dict[str, Any] = {
        "id": 1,
        "message_id": "m",
        "user_id": "ada",
        "channel": channel,
        "status": status,
        **dict.fromkeys(
            ("template_key", "subject", "content", "error", "request_id", "sent_at"), None
        ),
        "retry_count": 0,
        "created_at": THEN,
        "next_retry_at": None,
        "attempts": (),
        "variables": None,
        "metadata": None,
        "document": {"last_error_code": code},
        **changes,
    }
    return LogEntry(**fields)


def test_a_user_whom_nobody_knows_is_told_how_to_begin() -> None:
    lines, is_reached = _told("ada b", [], [])
    assert lines[0].startswith("The service knows no user 'ada b'")
    assert lines[1] == "→ Configure a channel: notifyctl users set 'ada b' --channel webhook"
    assert not is_reached


def test_each_channel_that_is_configured_or_was_used_has_a_line() -> None:
    lines, is_reached = _told("ada", [config("slack")], [entry("sent", "lark")])
    assert lines == [
        "lark: not configured",
        "  → Configure the channel: notifyctl users set ada --channel lark",
        "slack: configured, and never used",
        "  → Try it: notifyctl users test ada --channel slack",
    ]
    assert is_reached


def test_a_user_who_was_never_sent_anything_is_told_so() -> None:
    lines, _ = _told("ada", [config()], [])
    assert lines[0] == "Nothing was ever sent to 'ada': the caller doesn't name this user_id."


@pytest.mark.parametrize(
    ("changes", "said", "step"),
    [
        (
            {"error": "can't be opened"},
            "can't be opened",
            "Correct the configuration: notifyctl users set ada --channel slack",
        ),
        (
            {"is_active": False},
            "configured, and switched off",
            "Switch it on: notifyctl users set ada --channel slack --active",
        ),
    ],
)
def test_a_channel_that_cannot_be_used_reaches_nobody(
    changes: dict[str, Any], said: str, step: str
) -> None:
    assert _of_channel("ada", "slack", config(**changes), [entry("sent")]) == (said, step, False)
    assert _told("ada", [config(**changes)], [entry("sent")])[1] is False


def test_the_newest_notification_decides() -> None:
    then = datetime.now(UTC) - timedelta(days=2, hours=3, minutes=30)
    when = f"{shown_time(then)} (2 d 3 h ago)"
    sent = _of_channel("ada", "slack", config(), [entry("sent", created_at=then), entry("failed")])
    assert sent == (f"reached, last at {when}; 1 of the last 2 notifications failed", "", True)
    failed = entry("failed", code="TIMEOUT_ERROR", error="no answer", created_at=then)
    said, step, reaches = _of_channel("ada", "slack", config(), [failed])
    assert said == (
        f"failed, last at {when}: TIMEOUT_ERROR no answer; 1 of the last 1 notification failed"
    )
    assert step.startswith("The endpoint doesn't answer in time")
    assert step.endswith("; then: notifyctl notifications retry --user ada --channel slack")
    assert reaches is False


def test_one_that_waits_tells_its_next_try() -> None:
    later = THEN + timedelta(minutes=9)
    said, step, reaches = _of_channel(
        "ada", "slack", config(), [entry("retry", code="THROTTLED", next_retry_at=later)]
    )
    assert said.startswith(f"retry since {shown_time(THEN)} (")
    assert f": THROTTLED, next try {shown_time(later)}; 0 of the last 1" in said
    assert (step.startswith("The endpoint asks for a lower rate"), reaches) == (True, True)
    said, step, _ = _of_channel("ada", "slack", config(), [entry("pending")])
    assert (": no error yet; " in said, step) == (True, "")
