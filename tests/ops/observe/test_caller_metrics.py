"""What callers were answered, as the account's data set tells it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.observe.metrics.account_metrics import _error_rate
from ops.observe.metrics.caller_metrics import CallerMetrics
from ops.stacks.account import StackAccount
from tests.ops.answering_service import answering_service

pytestmark = pytest.mark.requirement("S0-88")
SEND = "/api/notifications/send"


def row(status: int, calls: float, code: str = "", **changes: str) -> dict[str, Any]:
    base = {"route": SEND, "method": "POST", "version": "0a1b2c3d", "channels": "slack"}
    base |= {"place": "", "undelivered": "", "example": "req-1"}
    base |= {"first": "2026-11-29 08:00:00", "last": "2026-11-29 08:30:00"}
    return {**base, "status": str(status), "code": code, "calls": calls, **changes}


def read(*rows: dict[str, Any], status: int = 200, body: bytes | None = None) -> CallerMetrics:
    document = json.dumps({"meta": [], "data": rows, "rows": len(rows)}).encode()
    with answering_service() as api:
        api.answers = [(status, document if body is None else body)]
        account = StackAccount("production", "a" * 32, f"{api.url}/client/v4", True, "t" * 40)
        found = CallerMetrics.read(account, "notification-system-dev")
    (asked,) = {(call["method"], call["target"]) for call in api.seen}
    assert asked == ("POST", f"/client/v4/accounts/{'a' * 32}/analytics_engine/sql")
    assert b"FROM notification_system_dev_calls WHERE" in api.seen[0]["body"]
    return found


def test_failures_are_what_callers_saw_and_refusals_stand_apart() -> None:
    found = read(
        row(200, 60),
        row(500, 30, "INTERNAL_ERROR"),
        row(503, 5, "DB_ERROR", version="ffffffff", channels=""),
        row(400, 4, "INVALID_USER_ID"),
        row(503, 100, "MAINTENANCE"),
        row(404, 1, "NOT_FOUND", route="none", method="", channels=""),
    )
    assert (found.requests, found.failed, found.refused) == (200, 35, 5)
    assert [(one.said, one.calls) for one in found.failures()] == [
        (f"POST {SEND} over slack: 500 INTERNAL_ERROR", 30),
        (f"POST {SEND}: 503 DB_ERROR", 5),
    ]
    assert [(one.said, one.calls) for one in found.refusals()] == [
        (f"POST {SEND} over slack: 400 INVALID_USER_ID", 4),
        ("none: 404 NOT_FOUND", 1),
    ]
    assert found.of_version("0a1b2c3d-0000-4000-8000-000000000000") == (195, 30)
    assert found.of_version("ffffffff-0000-4000-8000-000000000000") == (5, 5)
    assert found.of_version("11111111-0000-4000-8000-000000000000") == (0, 0)
    assert found.document()["failed"] == 35


def test_one_failure_of_two_versions_is_one_with_both_times_and_the_newest_example() -> None:
    old = {"first": "2026-11-29 07:50:00", "last": "2026-11-29 08:10:00", "example": "req-old"}
    found = read(
        row(500, 3, "INTERNAL_ERROR", version="11111111", place="KeyError (f, line 1 of a.py)"),
        row(500, 2, "INTERNAL_ERROR", place="KeyError (f, line 1 of a.py)", **old),
        row(500, 1, "INTERNAL_ERROR", place="KeyError (g, line 9 of a.py)"),
    )
    first, second = found.failures()
    assert first.said.endswith(": 500 INTERNAL_ERROR at KeyError (f, line 1 of a.py)")
    assert (first.calls, first.example) == (5, "req-1")
    assert (first.first, first.last) == ("2026-11-29T07:50:00Z", "2026-11-29T08:30:00Z")
    assert (second.calls, second.place) == (1, "KeyError (g, line 9 of a.py)")


def test_each_channel_has_its_sends_and_those_that_failed() -> None:
    found = read(
        row(200, 10, channels="slack,lark", undelivered="lark"),
        row(200, 5, channels="lark"),
        row(500, 2, channels="slack"),
        row(200, 9, channels=""),
    )
    assert found.of_channels() == {"lark": (15, 10), "slack": (12, 2)}


def test_the_rate_counts_what_the_runtime_ended_beside_what_the_service_answered() -> None:
    found = read(row(200, 90), row(500, 8, "INTERNAL_ERROR"))
    rate = _error_rate(found, 100, 2, "")
    assert (rate.value, rate.unit) == (10.0, "%")
    assert rate.source == "callers' answers, last hour: 10 of 100; refused: 0"


@pytest.mark.parametrize(
    ("status", "body"),
    [(422, b"no such table"), (403, b"{}"), (200, b"<html>"), (200, b'{"data": [{}]}')],
)
def test_without_an_answer_the_rate_is_unknown_and_never_nought(status: int, body: bytes) -> None:
    found = read(status=status, body=body)
    assert found.problem
    rate = _error_rate(found, 100, 0, "")
    assert rate.value is None
    assert rate.source.startswith("callers' answers aren't known: ")
    assert found.document()["failed"] is None


def test_an_hour_without_calls_has_no_rate() -> None:
    assert _error_rate(read(), 0, 0, "").value is None
