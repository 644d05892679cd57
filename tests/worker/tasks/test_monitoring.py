"""The metrics that monitoring checks every hour, whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.identity import first_row_id
from notification.timestamps import DAY_MS, HOUR_MS, iso
from tests.worker.world import World

NOW_MS = 1_767_225_600_000 + 50 * HOUR_MS + 12 * 60_000 + 34_567


def insert(world: World, at_ms: int, status: str, **columns: Any) -> None:
    row = {
        "id": first_row_id(at_ms) + len(world.logs()),
        "message_id": f"m{len(world.logs())}",
        "user_id": "u1",
        "channel_type": "webhook",
        "status": status,
        "created_at": iso(at_ms),
        "sent_at": iso(at_ms + 40) if status == "sent" else None,
        "next_retry_at": iso(at_ms + DAY_MS) if status == "retry" else None,
        **columns,
    }
    marks = ", ".join("?" * len(row))
    world.database.connection.execute(
        f"INSERT INTO notification_logs ({', '.join(row)}) VALUES ({marks})",  # noqa: S608 - the test's own names
        list(row.values()),
    )


def blocked(count: int) -> dict[str, str]:
    attempt = {"at": iso(NOW_MS), "code": "SSRF_BLOCKED", "outcome": "rejected"}
    return {"attempts": json.dumps([attempt] * count), "last_error_code": "SSRF_BLOCKED"}


def monitored(world: World) -> dict[str, Any]:
    done = world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
    result: dict[str, Any] = done.json["data"]
    return result


@pytest.fixture
def watched(world: World) -> World:
    """Notifications on both sides of the day's and the hour's beginning."""
    world.clock.ms = NOW_MS
    hour = NOW_MS - NOW_MS % HOUR_MS
    insert(world, hour - 24 * HOUR_MS - 1, "sent")  # not of the day
    insert(world, hour - 24 * HOUR_MS, "sent")
    insert(world, hour - HOUR_MS - 1, "failed", **blocked(3))  # not of the last two hours
    insert(world, hour - HOUR_MS, "failed", **blocked(2))
    insert(world, hour - HOUR_MS, "sent")
    insert(world, NOW_MS, "sent")
    insert(world, NOW_MS, "pending")
    insert(world, NOW_MS, "cancelled")
    insert(world, NOW_MS, "retry")
    insert(world, NOW_MS + 1, "sent")  # by a clock that is ahead
    insert(world, NOW_MS - 30 * HOUR_MS, "retry")  # waits, and is not of the day
    for name, ms in (("a", -1), ("b", 0), ("c", 1), ("d", DAY_MS)):
        world.database.connection.execute(
            "INSERT INTO idempotency_keys (user_id, idempotency_key, message_ids, expires_at)"
            " VALUES ('u1', ?, '[]', ?)",
            (name, iso(NOW_MS + ms)),
        )
    world.run(world.cache.put("one", "x", ttl_s=60))
    return world


def test_a_days_metrics_are_counted_whole(watched: World) -> None:
    result = monitored(watched)
    assert result["timestamp"] == iso(NOW_MS)
    assert result["metrics"] == {
        "notifications": {"total": 8, "pending": 0, "sent": 3, "failed": 2, "retry": 2},
        "queues": {"retryQueueSize": 2, "dlqSize": 0, "processingRate": 2},
        "idempotency": {"totalKeys": 4, "expiredKeys": 2, "activeKeys": 2},
        "cache": {"estimatedSize": 0, "keyCount": 1},
        "security": {"blockedEndpoints": 2},
        "performance": {"avgResponseTime": 40, "successRate": 60.0},
    }
    assert result["alerts"] == ["Low success rate: 60.00%"]


def test_each_metric_and_alert_has_a_line(watched: World) -> None:
    metrics = monitored(watched)["metrics"]
    lines = {line["name"]: line["value"] for line in watched.log_sink.of_type("metric")}
    assert lines == {
        f"{group}.{name}": value
        for group, values in metrics.items()
        for name, value in values.items()
    }
    [alert] = watched.log_sink.of_type("alert")
    assert (alert["level"], alert["rule"]) == ("warn", "success_rate")
    assert alert["message"] == "Low success rate: 60.00%"


def test_without_the_caches_answer_it_counts_no_keys(watched: World) -> None:
    class Down:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("away")

    watched.cache = Down()
    assert monitored(watched)["metrics"]["cache"] == {"estimatedSize": 0, "keyCount": 0}


@pytest.mark.parametrize(("after_ms", "calls"), [(HOUR_MS - 1, 1), (HOUR_MS, 2)])
def test_a_rule_is_told_again_after_an_hour(watched: World, after_ms: int, calls: int) -> None:
    watched.configure("ops", webhook_url="https://ops.example.com/alerts")
    watched.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('alert_user_id', 'ops')"
    )
    monitored(watched)
    insert(watched, NOW_MS + 1, "failed")
    watched.clock.ms = NOW_MS + after_ms
    monitored(watched)
    assert len(watched.endpoints.received) == calls


@pytest.mark.parametrize(("minute", "calls"), [(13, 1), (59, 1), (60, 2)])
def test_a_lost_memory_of_what_was_told_repeats_nothing_in_the_same_hour(
    watched: World, minute: int, calls: int
) -> None:
    watched.configure("ops", webhook_url="https://ops.example.com/alerts")
    connection = watched.database.connection
    connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES ('alert_user_id', 'ops')"
    )
    monitored(watched)
    connection.execute("DELETE FROM scheduled_tasks")
    insert(watched, NOW_MS + 1, "failed")
    watched.clock.ms = NOW_MS - NOW_MS % HOUR_MS + minute * 60_000
    [alert] = monitored(watched)["alerts"]
    assert alert.startswith("Low success rate: ")
    assert len(watched.endpoints.received) == calls
