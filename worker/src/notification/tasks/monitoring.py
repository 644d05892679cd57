"""Every hour: check a day's metrics, and alert the operators if they are bad."""

from typing import Any

from notification.delivery.queue_depths import queue_depths
from notification.logging import Log
from notification.metrics.period_metrics import Metrics, total
from notification.metrics.reading import read_metrics
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.storage.last_hour import answers_lately, are_bad, sentence
from notification.tasks.alert_rules import Alert, raise_alerts
from notification.tasks.operator_alert import OperatorAlert
from notification.tasks.task import State
from notification.timestamps import DAY_MS, HOUR_MS, floor, iso

_KEYS = """
SELECT COUNT(*) AS total, COALESCE(SUM(expires_at <= ?1), 0) AS expired FROM idempotency_keys
"""


class Monitoring:
    """Writes alerts to the log, and sends them to the operators if a recipient is set."""

    name = "monitoring"
    interval_ms = HOUR_MS

    def is_due(self, last_run_ms: int | None, scheduled_ms: int) -> bool:
        """Return whether this is the first firing of an hour."""
        return last_run_ms is None or last_run_ms // HOUR_MS != scheduled_ms // HOUR_MS

    async def run(self, platform: Platform, state: State, log: Log) -> dict[str, Any]:
        """Check the metrics; see `Task.run`."""
        now_ms = platform.clock.now_ms()
        # Before the metrics, which the database may not give.
        answers = await answers_lately(platform)
        callers = [Alert("requests", sentence(answers))] if are_bad(answers) else []
        for alert in callers:
            log.write("warn", alert.text, type="alert", rule=alert.rule)
        metrics = await _metrics(platform, now_ms)
        for group, values in metrics.items():
            for name, value in values.items():
                log.write(
                    "info",
                    f"{group}.{name}",
                    type="metric",
                    name=f"{group}.{name}",
                    value=value,
                    tags={},
                )
        broken = raise_alerts(metrics)
        for alert in broken:
            log.write("warn", alert.text, type="alert", rule=alert.rule)
        alerts = callers + broken
        await _tell(alerts, platform, state, log)
        return {
            "timestamp": iso(now_ms),
            "metrics": metrics,
            "alerts": [alert.text for alert in alerts],
        }


async def _metrics(platform: Platform, now_ms: int) -> dict[str, Any]:
    start_ms = floor(now_ms - DAY_MS, HOUR_MS)
    periods = await read_metrics(platform, start_ms, now_ms + 1, by_day=False)
    day = total(periods)
    lately = total(p for p in periods if p.start_ms >= floor(now_ms, HOUR_MS) - HOUR_MS)
    depths = await queue_depths(platform)
    retrying = depths[platform.settings.retry_queue_name]
    [keys] = await platform.everywhere.batch([Statement(_KEYS, (iso(now_ms),))])
    total_keys, expired = keys.sum("total"), keys.sum("expired")
    return {
        "notifications": _notifications(day, retrying),
        "queues": {
            "retryQueueSize": retrying,
            "dlqSize": depths[platform.settings.failed_queue_name],
            "processingRate": lately.sent,
        },
        "idempotency": {
            "totalKeys": total_keys,
            "expiredKeys": expired,
            "activeKeys": total_keys - expired,
        },
        "cache": {"estimatedSize": 0, "keyCount": await _cached_keys(platform)},
        "security": {"blockedEndpoints": lately.errors.get("SSRF_BLOCKED", 0)},
        "performance": {"avgResponseTime": day.average_ms, "successRate": day.success_rate},
    }


def _notifications(day: Metrics, retrying: int) -> dict[str, int]:
    retry = min(retrying, day.unsettled)
    return {
        "total": day.accepted,
        "pending": day.unsettled - retry,
        "sent": day.sent,
        "failed": day.failed,
        "retry": retry,
    }


async def _cached_keys(platform: Platform) -> int:
    try:
        return await platform.cache.count()
    except Exception:
        return 0


async def _tell(alerts: list[Alert], platform: Platform, state: State, log: Log) -> None:
    """Send the new alerts: each rule at most once an hour."""
    now_ms = platform.clock.now_ms()
    told: dict[str, int] = {
        rule: ms for rule, ms in state.get("told", {}).items() if now_ms - ms < HOUR_MS
    }
    fresh = [alert for alert in alerts if alert.rule not in told]
    operators = OperatorAlert(platform, log)
    recipient = await operators.recipient() if fresh else None
    if recipient:
        text = "\n".join(alert.text for alert in fresh)
        rules = ",".join(alert.rule for alert in fresh)
        await operators.send(recipient, text, key=f"monitoring:{now_ms // HOUR_MS}:{rules}")
        told |= {alert.rule: now_ms for alert in fresh}
    state["told"] = told
