"""What the service itself knows of its notifications."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ops.observe.metrics.service_metrics import ServiceMetrics
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import answering_service


def read(status: int, document: Any) -> ServiceMetrics:
    with answering_service() as service, ServiceClient(service.url, "k" * 64) as client:
        service.answers = [(status, json.dumps(document).encode())]
        found = ServiceMetrics.read(client)
        assert service.seen[0]["target"] == "/api/metrics?days=1"
    return found


def test_the_failure_rate_is_that_of_the_settled_ones() -> None:
    found = read(
        200,
        {
            "totalSent": 97,
            "totalFailed": 3,
            "data": {"performance": {"p95_processing_time_ms": 812.4567}},
        },
    )
    assert (found.sent, found.failed) == (97, 3)
    assert (found.failure_rate.value, found.failure_rate.unit) == (3.0, "%")
    assert (found.delivery.value, found.delivery.unit) == (812.457, "ms")
    assert found.failure_rate.source == "the service, last day"


def test_nothing_settled_is_no_rate_of_nought() -> None:
    found = read(200, {"totalSent": 0, "totalFailed": 0})
    for metric in (found.failure_rate, found.delivery):
        assert metric.value is None
        assert metric.source == "the service finished no notification in the last day"


def test_a_refusal_makes_the_figures_unknown_and_is_quoted() -> None:
    found = read(503, {"success": False, "error": "The database is away", "code": "DB_ERROR"})
    assert (found.sent, found.failed, found.document) == (0, 0, {})
    assert "The database is away" in found.problem
    assert found.failure_rate.source == found.delivery.source == found.problem


@pytest.mark.parametrize(
    "document", [{}, {"totalSent": None, "totalFailed": 0}, {"totalSent": 1}, {"totalSent": "1"}]
)
def test_an_answer_of_somebody_else_is_unknown_and_no_quiet_day(document: Any) -> None:
    found = read(200, document)
    assert "unknown form" in found.problem
    assert found.failure_rate.source == found.problem


@pytest.mark.parametrize(
    "data", [None, 5, [], {"performance": 5}, {"performance": {"p95_processing_time_ms": "x"}}]
)
def test_a_time_that_is_not_told_is_not_0(data: Any) -> None:
    found = read(200, {"totalSent": 1, "totalFailed": 0, "data": data})
    assert found.delivery.value is None
    assert found.failure_rate.value == 0
