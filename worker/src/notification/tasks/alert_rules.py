"""The rules by which a day's metrics raise alerts."""

from typing import Any, NamedTuple

MAX_FAILURES = 100
MAX_WAITING_RETRIES = 1_000
MAX_DEAD_LETTERS = 50
MIN_SUCCESS_RATE = 95
MAX_RESPONSE_MS = 5_000
MAX_BLOCKED = 5


class Alert(NamedTuple):
    """A broken rule; `rule` names the metric, and `text` is for people."""

    rule: str
    text: str


def raise_alerts(metrics: dict[str, Any]) -> list[Alert]:
    """Return an alert for each rule that the metrics break.

    Without settled notifications there is no success rate to check.
    """
    notifications, queues = metrics["notifications"], metrics["queues"]
    performance = metrics["performance"]
    failed, rate = notifications["failed"], performance["successRate"]
    settled = notifications["sent"] + failed
    checks = (
        (
            failed > MAX_FAILURES,
            "failures",
            f"High failure count: {failed} notifications failed",
        ),
        (
            queues["retryQueueSize"] > MAX_WAITING_RETRIES,
            "retries",
            f"Large retry queue: {queues['retryQueueSize']} messages pending",
        ),
        (
            queues["dlqSize"] > MAX_DEAD_LETTERS,
            "dead_letters",
            f"Dead letter queue contains {queues['dlqSize']} messages",
        ),
        (
            settled > 0 and rate < MIN_SUCCESS_RATE,
            "success_rate",
            f"Low success rate: {rate:.2f}%",
        ),
        (
            performance["avgResponseTime"] > MAX_RESPONSE_MS,
            "response_time",
            f"High average response time: {performance['avgResponseTime']}ms",
        ),
        (
            metrics["security"]["blockedEndpoints"] > MAX_BLOCKED,
            "blocked_endpoints",
            f"Blocked endpoints: {metrics['security']['blockedEndpoints']} in an hour",
        ),
    )
    return [Alert(rule, text) for broken, rule, text in checks if broken]
