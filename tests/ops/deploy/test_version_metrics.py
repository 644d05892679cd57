"""How two versions do side by side."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.analytics.engine_sql import answer
from ops.deploy.rollout.version_metrics import _QUERY, MetricsSince, VersionMetrics
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from tests.ops.answering_service import answering_service


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def row(version: str, requests: float, failed: float, p99: float) -> dict[str, Any]:
    return {"version": version, "requests": requests, "failed": failed, "p99": p99}


def test_only_what_came_since_counts_and_each_version_for_itself() -> None:
    clock = Clock()
    with answering_service() as api:
        account = StackAccount("production", "a" * 32, f"{api.url}/client/v4", True, "t" * 40)
        since = MetricsSince(account, "notification-system-dev", clock)
        clock.seconds += 41.2
        rows = [row("v1v1v1v1", 5, 4, 40.0), row("v2v2v2v2", 9, 0, 12.5)]
        api.answers = [(200, json.dumps({"data": rows}).encode())]
        assert since.of("v1v1v1v1-aaaa", "v3v3v3v3-cccc") == [
            VersionMetrics(5, 4, 40.0),
            VersionMetrics(),
        ]
        asked = api.seen[-1]["body"].decode()
        api.answers = [(200, b'{"data": [{}]}')]
        with pytest.raises(OperationError, match="metrics aren't known: the account's analytics"):
            since.of("v1v1v1v1-aaaa")
    assert "INTERVAL '43' SECOND" in asked
    assert "FROM notification_system_dev_calls WHERE" in asked


def test_the_query_counts_sends_and_failures_and_no_health_checks() -> None:
    now = 1_796_000_000
    points = [
        point(now, version, status, channels, ms, **more)
        for version, status, channels, ms, more in (
            ("v1v1v1v1", 200, "slack", 10, {}),
            ("v1v1v1v1", 200, "slack", 30, {"undelivered": "slack"}),
            ("v1v1v1v1", 500, "", 20, {"code": "INTERNAL_ERROR"}),
            ("v1v1v1v1", 503, "", 20, {"code": "MAINTENANCE"}),
            ("v1v1v1v1", 400, "", 900, {"code": "INVALID_USER_ID"}),
            ("v1v1v1v1", 200, "", 900, {}),
            ("v2v2v2v2", 200, "slack", 7, {}),
        )
    ]
    points.append(point(now - 60, "v2v2v2v2", 500, "slack", 7))
    query = _QUERY.format(dataset="calls", planned="MAINTENANCE", seconds=30)
    assert answer(query, points, now)["data"] == [
        row("v1v1v1v1", 4, 2, 30.0),
        row("v2v2v2v2", 1, 0, 7.0),
    ]


def point(
    at: int,
    version: str,
    status: int,
    channels: str,
    ms: float,
    code: str = "",
    undelivered: str = "",
) -> dict[str, Any]:
    blobs = ["/r", "POST", str(status), code, version, channels, "", "", "", undelivered]
    return {
        "dataset": "calls",
        "at": at * 1000,
        "index": "/r",
        "blobs": blobs,
        "doubles": [status, ms],
    }


@pytest.mark.parametrize(
    ("metrics", "base", "verdict"),
    [
        pytest.param((0, 0, 0.0), (0, 0, 0.0), None, id="nobody came"),
        pytest.param((1000, 10, 0.0), (1000, 0, 0.0), None, id="one in a hundred is allowed"),
        pytest.param(
            (1000, 11, 0.0),
            (1000, 0, 0.0),
            "11 of its 1,000 requests failed (1.1%; the version beside it 0.0%)",
            id="more isn't",
        ),
        pytest.param((100, 20, 0.0), (100, 10, 0.0), None, id="twice what the other has"),
        pytest.param(
            (100, 21, 0.0),
            (100, 10, 0.0),
            "21 of its 100 requests failed (21.0%; the version beside it 10.0%)",
            id="more than twice",
        ),
        pytest.param((9, 0, 1000.0), (9, 0, 1.0), None, id="a second is allowed"),
        pytest.param(
            (9, 0, 1001.0),
            (9, 0, 1.0),
            "its p99 is 1001 ms; the version beside it 1 ms",
            id="longer isn't",
        ),
        pytest.param((9, 0, 4000.0), (9, 0, 2000.0), None, id="twice as long as the other"),
    ],
)
def test_a_version_is_stopped_for_what_the_one_beside_it_does_not_do(
    metrics: tuple[int, int, float], base: tuple[int, int, float], verdict: str | None
) -> None:
    assert VersionMetrics(*metrics).worse_than(VersionMetrics(*base)) == verdict


def test_metrics_in_json_are_rounded() -> None:
    assert VersionMetrics(3, 1, 12.345).document() == {
        "requests": 3,
        "failures": 1,
        "error_rate": 0.3333,
        "p99_ms": 12.3,
    }
