"""Logs, retries, tasks, queues, figures, schema and health on the deployed service."""

from __future__ import annotations

from typing import Any

import pytest

from infra import SERVICE_VERSION
from notification.channels.registry import CHANNELS
from tests.integration.conformance.deployed import Deployed, expect


@pytest.mark.requirement("C-2.5", "C-0.17", "B-20", "B-27", "D-10")
def test_logs_are_filtered_and_paged_newest_first(service: Deployed, hooked: str) -> None:
    ids = [service.send(hooked)[0]["messageId"] for _ in range(3)]
    page = service.call("GET", f"/api/notification-logs?user_id={hooked}&limit=2").json()
    assert [row["message_id"] for row in page["data"]["logs"]] == [ids[2], ids[1]]
    assert page["pagination"] == {"total": 3, "limit": 2, "offset": 0, "hasMore": True}
    day = page["data"]["logs"][0]["created_at"][:10]
    for query, found in (
        (f"message_id={ids[0]}", 1),
        ("status=sent", 3),
        ("status=retry_scheduled", 0),
        ("channel=webhook", 3),
        ("channel_type=lark", 0),
        (f"start_date={day}&end_date={day}", 3),
        ("end_date=2024-01-01", 0),
        ("offset=2", 1),
    ):
        data = service.data("GET", f"/api/logs?user_id={hooked}&{query}")
        assert len(data["logs"]) == found, query


@pytest.mark.requirement("C-2.5", "B-30", "B-27")
@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("limit=-1", "INVALID_PARAMETER", "limit must be a positive integer"),
        ("limit=7abc", "INVALID_PARAMETER", "limit must be a positive integer"),
        ("limit=1001", "INVALID_PARAMETER", None),
        ("offset=x", "INVALID_PARAMETER", None),
        (
            "status=lost",
            "INVALID_PARAMETER",
            "Invalid status: it must be one of pending, sent, failed, retry, cancelled",
        ),
        (
            "start_date=yesterday",
            "INVALID_PARAMETER",
            "Invalid date string: start_date must be ISO 8601, such as 2026-12-01T09:00:00Z",
        ),
        (
            "channel=fax",
            "INVALID_CHANNEL_TYPE",
            f"Invalid channel: fax. Valid channels are: {', '.join(CHANNELS)}",
        ),
    ],
)
def test_a_bad_filter_is_the_callers_error(
    service: Deployed, query: str, code: str, text: str | None
) -> None:
    expect(service.call("GET", f"/api/notification-logs?{query}"), 400, code, text)


@pytest.mark.requirement("C-2.5", "C-0.14", "B-26")
def test_a_log_is_deleted_once_it_has_ended(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user, "?status=500"))
    [waiting] = service.send(user)
    path = f"/api/notification-logs/{waiting['logId']}"
    expect(service.call("DELETE", path), 409, "LOG_IN_FLIGHT")
    gone = service.call("DELETE", f"{path}?force=true").json()
    assert gone["message"] == "Log deleted successfully"
    assert gone["deletedLog"]["user_id"] == user
    expect(service.call("GET", path), 404, "NOT_FOUND", "Log not found")
    expect(service.call("DELETE", path), 404, "NOT_FOUND", "Log not found")


@pytest.mark.requirement("C-2.5", "B-30", "D-03", "D-29")
def test_old_logs_are_cleaned_up_by_days_or_date(service: Deployed) -> None:
    missing = service.call("DELETE", "/api/notification-logs/cleanup")
    expect(missing, 400, "MISSING_PARAMETER", "Missing required parameter: before or days")
    far = service.call("DELETE", "/api/notification-logs/cleanup?days=366")
    expect(far, 400, "INVALID_PARAMETER", "Cannot delete logs older than 365 days")
    none = service.call("DELETE", "/api/notification-logs/cleanup?before=2025-01-01").json()
    assert none["data"] == {"deleted_count": 0, "before": "2025-01-01T00:00:00.000Z"}
    assert none["message"] == "No logs found to delete"
    bodies: list[dict[str, Any] | None] = [None, {"days": 30, "status": "failed"}]
    for body in bodies:
        assert service.call("POST", "/api/cleanup-logs", body).status_code == 200


@pytest.mark.requirement("C-2.2", "C-0.7", "B-05")
def test_a_failed_notification_is_taken_up_again_by_its_id(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user, "?status=404"))
    [failed] = service.send(user)
    other = {"user_id": user, "code": "TIMEOUT_ERROR"}
    nothing = service.data("POST", "/api/notifications/retry", other)
    assert (nothing["matched"], nothing["queued"], nothing["skipped"]) == (0, 0, [])
    body = {"log_id": failed["logId"]}
    # The retry may be under way before the next request is, and doesn't end before it.
    service.configure(user, "webhook", webhook_url=service.hook(user, "?delay_ms=8000"))
    queued = service.data("POST", "/api/notifications/retry", body)
    assert queued["message"] == "Queued 1 notifications for retry"
    expect(service.call("POST", "/api/trigger-retry", body), 409, "LOG_IN_FLIGHT")
    row = service.data("GET", f"/api/notification-logs/{failed['logId']}")
    assert (row["status"], row["retry_count"]) == ("retry_scheduled", 0)
    for wrong in ({"limit": 0}, {"limit": 1_001}, {"log_id": "x"}):
        expect(service.call("POST", "/api/notifications/retry", wrong), 400, "INVALID_PARAMETER")


@pytest.mark.requirement("C-2.9", "C-0.7", "C-0.14", "B-04", "B-54")
def test_waiting_retries_are_shown_and_ended(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user, "?status=500"))
    [waiting] = service.send(user)
    status = service.data("GET", "/api/queue/status")
    [item] = [i for i in status["pendingRetries"]["items"] if i["id"] == waiting["logId"]]
    assert (item["channel"], item["user_id"], item["retry_count"]) == ("webhook", user, 1)
    assert item["error_message"].startswith("HTTP 500")
    body = {"taskIds": [waiting["logId"]], "markAsFailed": False}
    ended = service.call("POST", "/api/queue/clear-retries", body).json()
    assert (ended["message"], ended["data"]["updated"]) == ("Updated 1 retry tasks", 1)
    row = service.data("GET", f"/api/notification-logs/{waiting['logId']}")
    assert (row["status"], row["error"]) == ("cancelled", "Manually cancelled")
    nameless = service.call("POST", "/api/queue/clear-messages", {})
    expect(nameless, 400, "MISSING_PARAMETER", "Queue name is required")
    named = service.call("POST", "/api/queue/clear-messages", {"queueName": "retry-queue"})
    expect(named, 501, "NOT_SUPPORTED")
    purge = service.call("POST", "/api/queue/purge-test-data", {"testUserIds": [user]})
    expect(purge, 400, "INVALID_PARAMETER")
    dry = service.call("POST", "/api/queue/purge-test-data", {"dryRun": True}).json()
    assert dry["message"] == "Would delete 0 test records"


@pytest.mark.requirement("C-2.8", "C-3.7", "C-2.6", "C-0.14", "B-55")
def test_a_task_is_run_by_hand_and_recorded(service: Deployed) -> None:
    run = service.call("POST", "/api/scheduled-tasks/trigger", {"taskName": "data_cleanup"})
    assert run.json()["message"] == "Task data_cleanup triggered successfully"
    unknown = service.call("POST", "/api/scheduled-tasks/trigger", {"taskName": "nightly"})
    expect(unknown, 400, "INVALID_PARAMETER")
    page = service.data("GET", "/api/task-execution-records?limit=1")
    assert page["records"][0]["status"] == "completed"
    assert page["pagination"]["limit"] == 1
    expect(service.call("GET", "/api/task-execution-records?limit=201"), 400, "INVALID_PARAMETER")
    health = service.open("GET", "/health/scheduled-tasks").json()
    assert health["tasks"]["data_cleanup"]["lastStatus"] == "completed"
    assert health["pendingCleanup"].keys() >= {"logs", "keys", "taskRecords"}


@pytest.mark.requirement("C-2.6", "C-0.18", "C-0.24", "B-41", "D-14", "S0-42")
def test_health_tells_services_version_and_environment(service: Deployed) -> None:
    for path in ("/health", "/api/health?detailed=true"):
        document = service.open("GET", path).json()
        assert document["status"] == "healthy"
        assert document["environment"] == "development"
        assert document["services"] == {"database": True, "queue": True, "cache": True}
        version = service.installation.outputs()["version_id"]
        assert document["version"] == SERVICE_VERSION
        release = service.installation.outputs()["release"]
        assert document["deployment"]["version_id"] == version
        assert document["deployment"]["tag"] == release["bundle_sha256"]


@pytest.mark.requirement("C-2.7", "C-0.17", "C-12.2", "B-28")
def test_figures_come_as_json_series_and_for_scrapers(service: Deployed, hooked: str) -> None:
    service.send(hooked)
    figures = service.call("GET", f"/metrics?user_id={hooked}&days=1").json()
    assert (figures["totalSent"], figures["successRate"]) == (1, 100)
    assert figures["channelBreakdown"]["webhook"]["sent"] == 1
    for query in ("days=0", "days=91", "days=x", "format=xml"):
        expect(service.call("GET", f"/api/metrics?{query}"), 400, "INVALID_PARAMETER")
    series = service.data("GET", "/api/stats/series?metric=sent&step=hour")
    assert series["points"]
    expect(service.call("GET", "/api/stats/series?metric=mood"), 400, "INVALID_PARAMETER")
    text = service.call("GET", "/metrics?format=prometheus").text
    for name in (
        "notification_requests_total",
        "notification_errors_total",
        "notification_duration_seconds_bucket",
        "queue_depth",
        "cache_hit_ratio",
        "auth_failures_total",
        "rate_limit_hits_total",
        "api_request_duration_seconds",
    ):
        assert name in text, name


@pytest.mark.requirement("C-2.10", "C-0.15", "C-3.8", "B-23")
def test_the_schema_is_current_and_nothing_is_left_to_migrate(service: Deployed) -> None:
    schema = service.data("GET", "/api/db/schema")
    assert (schema["isValid"], schema["missingTables"]) == (True, [])
    assert (schema["pendingMigrations"], schema["environment"]) == ([], "development")
    ran = service.data("POST", "/api/db/migrate", {"dryRun": True})
    assert (ran["migrationsRun"], ran["dryRun"]) == ([], True)
    expect(service.call("POST", "/api/db/migrate", {"dryRun": 1}), 400, "INVALID_PARAMETER")


@pytest.mark.requirement("C-0.22")
def test_a_persons_data_is_given_out_and_erased(service: Deployed, user: str) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user, "?status=500"))
    service.send(user)
    assert len(service.data("GET", f"/api/users/{user}/export")["notifications"]) == 1
    expect(service.call("DELETE", f"/api/users/{user}"), 409, "LOG_IN_FLIGHT")
    erased = service.data("DELETE", f"/api/users/{user}?force=true")
    assert erased["deleted"]["notifications"] == 1
    expect(service.call("GET", f"/api/users/{user}/export"), 404, "NOT_FOUND")
