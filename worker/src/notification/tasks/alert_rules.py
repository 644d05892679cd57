"""When the figures of a day are bad enough to tell somebody."""

from typing import Any, NamedTuple

MOST_FAILURES = 100
MOST_RETRIES = 1_000
MOST_DEAD_LETTERS = 50
LEAST_SUCCESS = 95
SLOWEST_MS = 5_000
MOST_BLOCKED = 5


class Alert(NamedTuple):
    """`rule` names the figure; `text` is for people."""

    rule: str
    text: str


def raise_alerts(metrics: dict[str, Any]) -> list[Alert]:
    """The rules that the figures break. Without any settled notification there is no rate."""
    notifications, queues = metrics["notifications"], metrics["queues"]
    performance = metrics["performance"]
    failed, rate = notifications["failed"], performance["successRate"]
    settled = notifications["sent"] + failed
    checks = (
        (
            failed > MOST_FAILURES,
            "failures",
            f"High failure count: {failed} notifications failed",
        ),
        (
            queues["retryQueueSize"] > MOST_RETRIES,
            "retries",
            f"Large retry queue: {queues['retryQueueSize']} messages pending",
        ),
        (
            queues["dlqSize"] > MOST_DEAD_LETTERS,
            "dead_letters",
            f"Dead letter queue contains {queues['dlqSize']} messages",
        ),
        (
            settled > 0 and rate < LEAST_SUCCESS,
            "success_rate",
            f"Low success rate: {rate:.2f}%",
        ),
        (
            performance["avgResponseTime"] > SLOWEST_MS,
            "response_time",
            f"High average response time: {performance['avgResponseTime']}ms",
        ),
        (
            metrics["security"]["blockedEndpoints"] > MOST_BLOCKED,
            "blocked_endpoints",
            f"Blocked endpoints: {metrics['security']['blockedEndpoints']} in an hour",
        ),
    )
    return [Alert(rule, text) for broken, rule, text in checks if broken]
