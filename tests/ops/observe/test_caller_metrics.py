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
    assert found.failures().most_common() == [
        (f"POST {SEND} over slack: 500 INTERNAL_ERROR", 30),
        (f"POST {SEND}: 503 DB_ERROR", 5),
    ]
    assert found.of_version("0a1b2c3d-0000-4000-8000-000000000000") == (195, 30)
    assert found.of_version("ffffffff-0000-4000-8000-000000000000") == (5, 5)
    assert found.of_version("11111111-0000-4000-8000-000000000000") == (0, 0)
    assert found.document()["failed"] == 35


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
    assert rate.source.startswith("what callers were answered isn't known: ")
    assert found.document()["failed"] is None


def test_an_hour_without_calls_has_no_rate() -> None:
    assert _error_rate(read(), 0, 0, "").value is None
