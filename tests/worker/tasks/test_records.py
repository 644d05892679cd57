"""Records of scheduled tasks, their health, and monitoring with its alerts."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from notification.ports.database import DatabaseError, Statement
from notification.ports.outbound import OutboundAnswer, OutboundRequest
from notification.tasks.alert_rules import raise_alerts
from tests.worker.endpoints import answer
from tests.worker.world import World

HOUR_MS = 3_600_000


def _setting(world: World, key: str, value: str) -> None:
    world.database.connection.execute(
        "INSERT INTO system_configs (config_key, config_value) VALUES (?, ?)", (key, value)
    )


@pytest.mark.requirement("C-7")
def test_every_run_leaves_a_record_with_its_result(world: World) -> None:
    world.cron()
    page = world.request("GET", "/api/task-execution-records?limit=5").json["data"]
    assert page["pagination"] == {"total": 3, "limit": 5, "offset": 0, "hasMore": False}
    _, monitoring, cleanup = page["records"]
    assert (cleanup["task_name"], cleanup["status"]) == ("data_cleanup", "completed")
    assert cleanup["result"]["cleanedLogs"] == 0
    assert json.loads(cleanup["error"]) == cleanup["result"]
    assert monitoring["result"]["alerts"] == []
    assert set(monitoring["result"]["metrics"]) == {
        "notifications",
        "queues",
        "idempotency",
        "cache",
        "security",
        "performance",
    }


@pytest.mark.requirement("B-35")
def test_records_are_for_signed_callers(world: World) -> None:
    assert world.request("GET", "/api/task-execution-records", signed=False).status == 401


@pytest.mark.requirement("B-55")
def test_monitoring_runs_once_an_hour(world: World) -> None:
    for _ in range(13):
        world.cron()
        world.clock.ms += 300_000
    names = [line["taskName"] for line in world.log_sink.of_type("scheduled_task")]
    assert names.count("data_cleanup") == 26
    assert names.count("monitoring") == 4


@pytest.mark.requirement("C-3.8")
def test_records_are_deleted_after_thirty_days(world: World) -> None:
    world.cron()
    world.clock.ms += 31 * 24 * HOUR_MS
    world.cron()
    world.clock.ms += HOUR_MS
    world.cron()
    rows = world.database.rows("SELECT execution_time FROM task_execution_records")
    assert len(rows) == 6
    assert all(str(row["execution_time"]) > "2026-01-31" for row in rows)


def test_the_health_of_tasks_is_public_and_says_when_they_ran(world: World) -> None:
    never = world.request("GET", "/health/scheduled-tasks", signed=False)
    assert never.headers["Cache-Control"] == "max-age=30"
    assert never.json["tasks"]["monitoring"] == {
        "status": "never_run",
        "isRunning": False,
        "message": "Task has never been executed",
    }
    world.cron()
    world.clock.ms += 300_000
    world.cron()
    body = world.request("GET", "/health/scheduled-tasks", signed=False).json
    cleanup = body["tasks"]["data_cleanup"]
    assert cleanup["lastRun"] == "2026-01-01T00:05:00.000Z"
    assert cleanup["nextRun"] == "2026-01-01T00:10:00.000Z"
    assert (cleanup["lastStatus"], cleanup["successRate"]) == ("completed", 100)
    assert cleanup["recentExecutions"] == 2
    assert "overdue" not in cleanup
    assert body["pendingCleanup"] == {"logs": 0, "keys": 0, "taskRecords": 0}
    result = body["lastCleanupResult"]
    assert result["timestamp"] == cleanup["lastRun"]
    # Callers of earlier versions read all three.
    assert [result[f"cleaned{what}"] for what in ("Logs", "Keys", "Cache")] == [0, 0, 0]
    assert (result["duration"], result["errors"]) == (0, [])
    world.clock.ms += 16 * 60_000
    late = world.request("GET", "/health/scheduled-tasks", signed=False).json
    assert late["tasks"]["data_cleanup"]["overdue"] is True


def test_a_failed_run_is_recorded_and_shown(world: World) -> None:
    def fail(statements: Sequence[Statement]) -> None:
        if "'INTERRUPTED'" in statements[0].sql:
            raise DatabaseError("sweep failed")

    world.database.before_batch = fail
    with pytest.raises(DatabaseError):
        world.cron()
    world.database.before_batch = None
    task = world.request("GET", "/health/scheduled-tasks", signed=False).json["tasks"]
    assert task["data_cleanup"]["lastStatus"] == "failed"
    assert task["data_cleanup"]["lastResult"]["errors"] == ["DatabaseError"]
    assert task["data_cleanup"]["successRate"] == 0


@pytest.mark.requirement("B-33")
@pytest.mark.parametrize("task", ["data_cleanup", "monitoring", "key_rotation"])
def test_a_databases_words_stay_in_the_log(world: World, task: str) -> None:
    secret = "no such column: bot_token"
    marks = {
        "data_cleanup": "'INTERRUPTED'",
        "monitoring": "FROM idempotency_keys",
        "key_rotation": "GROUP BY key_id",
    }

    def fail(statements: Sequence[Statement]) -> None:
        if any(marks[task] in statement.sql for statement in statements):
            raise DatabaseError(secret)

    world.database.before_batch = fail
    failed = world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": task})
    world.database.before_batch = None
    shown = world.request("GET", "/health/scheduled-tasks", signed=False)
    records = world.request("GET", "/api/task-execution-records")
    assert shown.json["tasks"][task]["lastStatus"] == "failed"
    assert "DatabaseError" in shown.text
    assert secret not in failed.text + shown.text + records.text
    lines = [line for line in world.log_sink.lines if secret in str(line.get("error"))]
    assert lines[-1]["level"] == "error"


def test_a_task_can_be_run_by_hand(world: World) -> None:
    path = "/api/scheduled-tasks/trigger"
    done = world.request("POST", path)
    assert done.json["message"] == "Task data_cleanup triggered successfully"
    assert done.json["data"]["cleanedLogs"] == 0
    assert world.request("POST", path, {"taskName": "monitoring"}).status == 200
    unknown = world.request("POST", path, {"taskName": "other"})
    assert (unknown.status, unknown.code) == (400, "INVALID_PARAMETER")


def _metrics(**changes: float) -> dict[str, dict[str, float]]:
    metrics = {"failed": 0, "sent": 10, "retry": 0, "dlq": 0, "rate": 100.0, "ms": 1, "blocked": 0}
    metrics |= changes
    return {
        "notifications": {"failed": metrics["failed"], "sent": metrics["sent"]},
        "queues": {"retryQueueSize": metrics["retry"], "dlqSize": metrics["dlq"]},
        "security": {"blockedEndpoints": metrics["blocked"]},
        "performance": {"successRate": metrics["rate"], "avgResponseTime": metrics["ms"]},
    }


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({}, []),
        ({"failed": 100}, []),
        ({"failed": 101}, ["High failure count: 101 notifications failed"]),
        ({"retry": 1000}, []),
        ({"dlq": 50}, []),
        ({"rate": 95.0}, []),
        ({"ms": 5000}, []),
        ({"failed": 1, "sent": 0, "rate": 0}, ["Low success rate: 0.00%"]),
        ({"retry": 1001}, ["Large retry queue: 1001 messages pending"]),
        ({"dlq": 51}, ["Dead letter queue contains 51 messages"]),
        ({"rate": 94.9}, ["Low success rate: 94.90%"]),
        ({"rate": 0, "sent": 0}, []),
        ({"ms": 5001}, ["High average response time: 5001ms"]),
        ({"blocked": 5}, []),
        ({"blocked": 6}, ["Blocked endpoints: 6 in an hour"]),
    ],
)
@pytest.mark.requirement("C-12.3")
def test_each_threshold_has_its_alert(changes: dict[str, float], texts: list[str]) -> None:
    assert [alert.text for alert in raise_alerts(_metrics(**changes))] == texts


@pytest.mark.requirement("C-3.5", "C-12.3")
def test_alerts_go_to_the_configured_recipient_once_an_hour(world: World) -> None:
    world.configure("u1")
    world.configure("ops", webhook_url="https://ops.example.com/alerts")
    _setting(world, "alert_user_id", "ops")
    _setting(world, "alert_channels", "webhook, pigeon")
    world.endpoints.behave = lambda request: answer(404)
    for _ in range(3):
        world.send("u1")
    world.endpoints.behave = lambda request: answer()
    for _ in range(2):
        world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
        world.clock.ms += 60_000
    calls = [r for _, r in world.endpoints.received if r.url.startswith("https://ops.")]
    assert len(calls) == 1
    assert json.loads(calls[0].body)["content"] == "Low success rate: 0.00%"
    world.clock.ms += HOUR_MS
    world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
    calls = [r for _, r in world.endpoints.received if r.url.startswith("https://ops.")]
    assert len(calls) == 2


@pytest.mark.requirement("C-12.3")
def test_another_rule_is_told_within_the_same_hour(world: World) -> None:
    world.configure("u1")
    world.configure("ops", webhook_url="https://ops.example.com/alerts")
    _setting(world, "alert_user_id", "ops")

    def told() -> list[str]:
        world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
        calls = [r for _, r in world.endpoints.received if r.url.startswith("https://ops.")]
        return [json.loads(call.body)["content"] for call in calls]

    def behave(request: OutboundRequest) -> OutboundAnswer:
        return answer(200 if request.url.startswith("https://ops.") else 404)

    world.endpoints.behave = behave
    world.send("u1")
    assert told() == ["Low success rate: 0.00%"]
    for _ in range(100):
        world.send("u1")
    world.clock.ms += 60_000
    assert told()[1:] == ["High failure count: 101 notifications failed"]
    assert len(told()) == 2


def test_a_rule_is_told_as_soon_as_there_is_a_recipient(world: World) -> None:
    world.configure("u1")
    world.endpoints.behave = lambda request: answer(404)
    world.send("u1")
    world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
    world.configure("ops", webhook_url="https://ops.example.com/alerts")
    _setting(world, "alert_user_id", "ops")
    world.request("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"})
    assert world.endpoints.received[-1][1].url.startswith("https://ops.")


def test_without_a_recipient_alerts_are_logged(world: World) -> None:
    world.configure()
    world.endpoints.behave = lambda request: answer(404)
    world.send()
    world.cron()
    [line] = world.log_sink.of_type("alert")
    assert (line["rule"], line["message"]) == ("success_rate", "Low success rate: 0.00%")
