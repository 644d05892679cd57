"""When a day's metrics raise an alert, at the edge of each rule."""

from __future__ import annotations

from typing import Any

import pytest

from notification.tasks.alert_rules import raise_alerts

QUIET: dict[str, dict[str, Any]] = {
    "notifications": {"sent": 10_000, "failed": 0},
    "queues": {"retryQueueSize": 0, "dlqSize": 0},
    "performance": {"successRate": 100, "avgResponseTime": 0},
    "security": {"blockedEndpoints": 0},
}


def rules(**changes: dict[str, Any]) -> list[str]:
    metrics = {name: {**values, **changes.get(name, {})} for name, values in QUIET.items()}
    return [alert.rule for alert in raise_alerts(metrics)]


@pytest.mark.parametrize(
    ("group", "name", "fits", "breaks", "rule"),
    [
        ("notifications", "failed", 100, 101, "failures"),
        ("queues", "retryQueueSize", 1_000, 1_001, "retries"),
        ("queues", "dlqSize", 50, 51, "dead_letters"),
        ("performance", "successRate", 95, 94.99, "success_rate"),
        ("performance", "avgResponseTime", 5_000, 5_001, "response_time"),
        ("security", "blockedEndpoints", 5, 6, "blocked_endpoints"),
    ],
)
def test_a_rule_is_broken_beyond_its_figure(
    group: str, name: str, fits: float, breaks: float, rule: str
) -> None:
    assert rules(**{group: {name: fits}}) == []
    assert rules(**{group: {name: breaks}}) == [rule]


@pytest.mark.parametrize(("sent", "failed", "alerts"), [(0, 0, 0), (1, 0, 1), (0, 1, 1)])
def test_without_a_settled_notification_there_is_no_rate(
    sent: int, failed: int, alerts: int
) -> None:
    found = rules(notifications={"sent": sent, "failed": failed}, performance={"successRate": 0})
    assert found == ["success_rate"] * alerts


def test_all_broken_rules_are_told_with_their_figures() -> None:
    metrics = {
        "notifications": {"sent": 0, "failed": 200},
        "queues": {"retryQueueSize": 2_000, "dlqSize": 60},
        "performance": {"successRate": 12.345, "avgResponseTime": 6_000},
        "security": {"blockedEndpoints": 7},
    }
    assert [alert.text for alert in raise_alerts(metrics)] == [
        "High failure count: 200 notifications failed",
        "Large retry queue: 2000 messages pending",
        "Dead letter queue contains 60 messages",
        "Low success rate: 12.35%",
        "High average response time: 6000ms",
        "Blocked endpoints: 7 in an hour",
    ]
