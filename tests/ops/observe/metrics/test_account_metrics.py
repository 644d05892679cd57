"""What Cloudflare's analytics and the queues tell of a Worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ops.observe.metrics.account_metrics import AccountMetrics
from ops.stacks.account import StackAccount
from tests.ops.answering_service import AnsweringService, answering_service

OUTPUTS = {
    "worker_name": "notify",
    "retry_queue_id": "q1",
    "retry_queue_name": "retry-queue",
    "failed_queue_id": "q2",
    "failed_queue_name": "failed-queue",
}


def groups(*found: Mapping[str, Any]) -> tuple[int, bytes]:
    accounts = [{"workersInvocationsAdaptive": list(found)}]
    return 200, json.dumps({"data": {"viewer": {"accounts": accounts}}}).encode()


def answered(*calls: tuple[str, int, str, int]) -> tuple[int, bytes]:
    """Answers of the data set: route, status, version and how many."""
    rows = [
        {
            "route": route,
            "method": "POST",
            "status": str(status),
            "code": "",
            "version": version,
            "channels": "",
            "calls": str(count),
            "place": "",
            "undelivered": "",
            "first": "2026-11-29 08:00:00",
            "last": "2026-11-29 08:30:00",
            "example": "req-1",
        }
        for route, status, version, count in calls
    ]
    return 200, json.dumps({"data": rows}).encode()


def backlog(count: int) -> tuple[int, bytes]:
    result = {"backlog_bytes": 1, "backlog_count": count, "oldest_message_timestamp_ms": 0}
    return 200, json.dumps({"success": True, "result": result}).encode()


def read(api: AnsweringService, outputs: Mapping[str, Any] = OUTPUTS) -> AccountMetrics:
    return AccountMetrics.read(
        StackAccount("production", "a" * 32, api.url, True, "t" * 40), outputs
    )


def test_the_last_hour_is_told_in_requests_percent_milliseconds_and_megabytes() -> None:
    with answering_service() as api:
        api.answers = [
            groups(
                {
                    "sum": {"requests": 400, "errors": 3},
                    "quantiles": {"cpuTimeP99": 12_345.0, "wallTimeP99": 678_900.0},
                }
            ),
            answered(
                ("/api/notifications/send", 200, "v1v1v1v1", 380),
                ("/api/notifications/send", 503, "v2v2v2v2", 7),
                ("/api/notifications/send", 401, "v1v1v1v1", 10),
            ),
            groups({"max": {"memoryUsageBytes": 64_500_000}}),
            groups(
                {
                    "dimensions": {"scriptVersion": "v1v1v1v1-a"},
                    "sum": {"requests": 390, "errors": 0},
                },
                {
                    "dimensions": {"scriptVersion": "v2v2v2v2-b"},
                    "sum": {"requests": 10, "errors": 3},
                },
            ),
            backlog(7),
            backlog(0),
        ]
        found = read(api)
    assert found.requests == 400
    # Seven that callers saw, and three that the runtime ended, of 400.
    assert (found.error_rate.value, found.error_rate.unit) == (2.5, "%")
    assert found.error_rate.source == "callers' answers, last hour: 10 of 400; refused: 10"
    assert (found.response.value, found.response.unit) == (678.9, "ms")
    assert (found.cpu.value, found.memory.value) == (12.345, 64.5)
    assert found.versions == {"v1v1v1v1-a": (390, 0), "v2v2v2v2-b": (10, 10)}
    assert [(metric.name, metric.value) for metric in found.backlogs] == [
        ("backlog of retry-queue", 7.0),
        ("backlog of failed-queue", 0.0),
    ]
    variables = json.loads(api.seen[0]["body"])["variables"]
    assert (variables["account"], variables["script"]) == ("a" * 32, "notify")
    assert variables["start"] < variables["end"]
    assert api.seen[1]["target"] == f"/accounts/{'a' * 32}/analytics_engine/sql"
    assert "/queues/q1/metrics" in api.seen[4]["target"]


def test_an_hour_without_requests_is_no_unknown_one() -> None:
    with answering_service() as api:
        api.answers = [groups(), answered(), groups()]
        found = read(api, {"worker_name": "notify"})
    assert found.requests == 0
    assert (found.error_rate.value, found.error_rate.source) == (
        None,
        "nobody called in the last hour",
    )
    assert found.response.source == "Cloudflare's analytics don't say it for the last hour"
    assert (found.versions, found.backlogs) == ({}, ())


def test_without_callers_answers_the_rate_is_unknown_and_never_nought() -> None:
    with answering_service() as api:
        api.answers = [
            groups({"sum": {"requests": 400, "errors": 0}}),
            (200, b'{"success": true}'),
            groups(),
        ]
        rate = read(api, {"worker_name": "notify"}).error_rate
    assert rate.value is None
    assert rate.source.startswith("callers' answers aren't known: ")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"errors": [{"message": "no access"}]}, "Cloudflare's analytics: no access"),
        ({"errors": [{}]}, "Cloudflare's analytics: refused"),
    ],
)
def test_analytics_that_refuse_make_the_figures_unknown_and_say_why(
    document: Any, why: str
) -> None:
    with answering_service() as api:
        refused = (200, json.dumps(document).encode())
        api.answers = [refused, answered(), refused]
        found = read(api, {"worker_name": "notify"})
    assert found.requests is None
    for metric in (found.error_rate, found.response, found.cpu, found.memory):
        assert (metric.value, metric.source) == (None, why)


def test_a_queue_that_cannot_be_asked_takes_nothing_from_the_other() -> None:
    refusal = json.dumps({"success": False, "errors": [{"code": 10000, "message": "no"}]})
    with answering_service() as api:
        api.answers = [
            groups(),
            answered(),
            groups(),
            groups(),
            (403, refusal.encode()),
            backlog(2),
        ]
        first, second = read(api).backlogs
    assert first.value is None
    assert "refused to show the backlog of retry-queue" in first.source
    assert second.value == 2.0
