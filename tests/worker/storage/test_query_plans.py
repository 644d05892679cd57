"""Every route's queries find their rows by a key or an index."""

from __future__ import annotations

import re

import pytest

from notification.http.router import Router
from notification.ports.database import Statement
from notification.routes.table import all_routes
from notification.schema.migration_files import MIGRATIONS
from tests.worker.routes.test_grafana import PASSWORD, USER, basic
from tests.worker.world import World

BATCHED = {
    "user_id": "u1",
    "channels": ["webhook"],
    "custom_content": {"content": "x"},
    "idempotency_key": "batched",
}
CALLS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/health", None),
    ("GET", "/api/deployment", None),
    ("GET", "/api/deployment/versions", None),
    ("GET", "/health/scheduled-tasks", None),
    ("GET", "/openapi.json", None),
    ("GET", "/test-ui", None),
    ("POST", "/api/notifications/send", {"template_key": "t", "idempotency_key": "k"}),
    ("POST", "/api/notifications/retry", {}),
    ("POST", "/api/notifications/retry", {"user_id": "u1", "channel": "webhook"}),
    ("PUT", "/api/holds/slack", {"until": "2026-01-02"}),
    ("PUT", "/api/holds/slack?user_id=u1", {"until": "2026-01-02"}),
    ("GET", "/api/holds", None),
    ("DELETE", "/api/holds/slack", None),
    ("GET", "/api/user-configs", None),
    ("GET", "/api/user-configs?user_id=u1", None),
    ("GET", "/api/user-configs?channel_type=webhook", None),
    ("GET", "/api/user-configs?user_id=u1&channel_type=webhook", None),
    ("POST", "/api/user-configs", {"channel_type": "webhook", "is_active": True}),
    ("PUT", "/api/users/u1/configs/webhook", {"is_active": True}),
    ("DELETE", "/api/user-configs?user_id=u1&channel_type=slack", None),
    ("GET", "/api/templates", None),
    ("GET", "/api/templates?channel=webhook&is_active=true", None),
    ("GET", "/api/templates/t", None),
    ("GET", "/api/templates/t/contents", None),
    ("POST", "/api/templates", {"key": "u", "contents": {"lark": {"content_template": "x"}}}),
    ("PUT", "/api/templates?key=u", {}),
    ("POST", "/api/templates/t/contents/lark", {"content_template": "x"}),
    ("PUT", "/api/templates/t/contents/lark", {"content_template": "y"}),
    ("POST", "/api/templates/t/preview", {}),
    ("DELETE", "/api/templates/t/contents/lark", None),
    ("DELETE", "/api/templates?key=u", None),
    ("GET", "/api/notification-logs?user_id=u1&status=sent", None),
    ("GET", "/api/notification-logs?message_id=old-1", None),
    ("GET", "/api/notification-logs/changes", None),
    ("GET", "/api/notification-logs/changes?after=5&watch=1,2", None),
    ("GET", "/api/notification-logs/1", None),
    ("DELETE", "/api/notification-logs/1", None),
    ("DELETE", "/api/notification-logs/cleanup?days=7", None),
    ("POST", "/api/cleanup-logs", None),
    ("GET", "/metrics", None),
    ("GET", "/metrics?user_id=u1", None),
    ("GET", "/metrics?format=prometheus", None),
    ("GET", "/api/stats/series?metric=sent&step=day", None),
    ("GET", "/api/stats/overview", None),
    ("GET", "/api/task-execution-records", None),
    ("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"}),
    ("GET", "/api/queue/status", None),
    ("POST", "/api/notifications/batch", {"user_ids": ["u1"], **BATCHED}),
    ("POST", "/api/notifications/batch", {"notifications": [BATCHED, BATCHED]}),
    ("POST", "/api/queue/clear-retries", {}),
    ("POST", "/api/queue/clear-retries", {"taskIds": [1]}),
    ("POST", "/api/queue/discard-failed", {"taskIds": [1]}),
    ("POST", "/api/queue/purge-test-data", {"dryRun": True}),
    ("POST", "/api/queue/purge-test-data", {}),
    ("POST", "/api/queue/clear-messages", {"queueName": "retry-queue"}),
    ("GET", "/api/db/schema", None),
    ("POST", "/api/db/migrate", {"dryRun": True}),
    ("POST", "/api/webhooks/grafana", "grafana"),
    ("POST", "/api/webhooks/alertmanager", "grafana"),
    ("POST", "/api/webhooks/standard/u1/webhook", {"data": "x"}),
    ("POST", "/web_hook/bridge/u1/webhook", {"text": "x"}),
    ("GET", "/api/users/u1/export", None),
    ("DELETE", "/api/users/u1?force=true", None),
    ("GET", "/api/user-configs?user_id=u1&limit=1&offset=1", None),
    ("GET", "/api/templates?include_inactive=true", None),
    ("GET", "/api/templates?is_active=false", None),
    ("GET", "/api/templates?channel=webhook&include_inactive=true", None),
    ("GET", "/api/notification-logs", None),
    ("GET", "/api/notification-logs?user_id=u1&channel=webhook&template_key=t", None),
    *(
        ("GET", f"/api/notification-logs?status={status}", None)
        for status in ("pending", "sent", "failed", "retry", "cancelled")
    ),
    ("GET", "/api/notification-logs?channel=webhook", None),
    ("GET", "/api/notification-logs?template_key=t", None),
    ("GET", "/api/notification-logs?request_id=r", None),
    ("GET", "/api/notification-logs?start_date=2026-01-01&end_date=2026-01-02", None),
    ("POST", "/api/scheduled-tasks/trigger", {"taskName": "data_cleanup"}),
    ("POST", "/api/scheduled-tasks/trigger", {"taskName": "key_rotation"}),
    ("GET", "/metrics?days=90", None),
)
ALERTS = {
    "receiver": "u1",
    "status": "firing",
    "alerts": [{"status": "firing", "labels": {"alertname": "HighCPU"}}],
}
BOUNDED = {
    "FROM channel_holds WHERE held_until": "a row per hold that an operator has set",
    "UPDATE endpoint_lines SET next_slot = MAX(?3": "a row per endpoint that was throttled lately",
    "FROM endpoint_lines WHERE next_slot": "as above",
    "FROM sqlite_master": "the schema's own table: a row per table and index",
    "FROM d1_migrations": "the ledger: a row per migration",
    "FROM scheduled_tasks": "a row per task",
    "ORDER BY id LIMIT ?1 OFFSET ?2": "a page of all configurations, along the primary key",
    "FROM user_configs LIMIT 10001": "the length of that list, counted to the cap",
    "AS template ORDER BY template_key LIMIT": "a page of all templates, along the primary key",
    "notification_templates_v2 ORDER BY template_key LIMIT ?1 OFFSET ?2)": "texts of such a page",
    "FROM notification_templates_v2 LIMIT 10001": "the length of that list, counted to the cap",
    "FROM notification_templates_v2 ORDER BY template_key LIMIT": "the same page, for its contents",
    "FROM task_execution_records ORDER BY id DESC": "a page of records, along the primary key",
    "FROM task_execution_records LIMIT 10001": "the length of that list, counted to the cap",
    "DELETE FROM task_execution_records WHERE id < ?1": "reads what it deletes",
    "FROM notification_logs WHERE id > ?1 ORDER BY id DESC LIMIT ?2": "a page of all notifications",
    "ORDER BY id DESC LIMIT ?2) AS newest, json_each": "attempts of the newest 2,000",
    "FROM notification_logs WHERE id > ?1 LIMIT 10001": "their number, counted to the cap",
    "WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3": "a page of a range of time",
    "WHERE id >= ?1 AND id < ?2 LIMIT 10001": "the length of that list, counted to the cap",
    "ORDER BY id DESC LIMIT 1 OFFSET 20000": "finds where a walk over 20,000 rows has to end",
    "WHERE id > ?1 AND status = '": "such a walk: at most 20,000 rows",
    "WHERE channel_type = ?1 AND id > ?2": "such a walk: at most 20,000 rows",
    "WHERE template_key = ?1 AND id > ?2": "such a walk: at most 20,000 rows",
    "WHERE request_id = ?1 AND id > ?2": "such a walk: at most 20,000 rows",
    "INDEXED BY idx_notification_due": "an index of what waits for a retry and nothing else",
    "WHERE status = 'retry'": "an index of what waits for a retry and nothing else",
    "WHERE status = 'failed' AND (last_error_code": "an index of what failed and nothing else",
    "WHERE id >= ?1 AND status = 'sent'": "one hour of notifications",
    "GROUP BY hour, channel_type": "the hours that no roll-up covers yet",
    "WHERE id >= ?1 AND id < ?2 AND status = 'pending'": "what came in since the last sweep",
    "SELECT MIN(id) AS oldest FROM notification_logs": "the first row of a range ends it",
    "WHERE id < ?1 AND status IN": "what is past its retention and about to be deleted",
    "AS expired FROM idempotency_keys": "a day's keys, hourly: a key is read 24 times in its life,"
    " which costs less than the one more row written that an index would take",
    "WHERE expires_at <= ?1 LIMIT ?2": "as above: hourly, and of a day's keys",
    "AND substr(config_data, 1, length(?2)) <> ?2": "configurations, hourly: whether any is sealed"
    " with another key is nowhere else; it goes on where it stopped",
    "FROM user_configs GROUP BY key_id": "as above: the rows by their keys",
}
"""Statements that read rows one by one, each with what bounds them."""
_WALK = re.compile(r"^SCAN |INTEGER PRIMARY KEY \(rowid[<>]\?( AND rowid[<>]\?)?\)")
_HARMLESS = re.compile(r"^SCAN (\S+ VIRTUAL TABLE|CONSTANT ROW|\(subquery-\d+\))")
"""JSON that came as a parameter, no row at all, and rows that an inner statement has chosen: that
one has its own step."""


@pytest.fixture
def served(world: World) -> World:
    world.environment["GRAFANA_WEBHOOK_USERNAME"] = USER
    world.environment["GRAFANA_WEBHOOK_PASSWORD"] = PASSWORD
    world.checks_accepted_bodies = False
    execute = world.database.connection.execute
    execute("CREATE TABLE d1_migrations (id INTEGER PRIMARY KEY, name)")
    for migration in MIGRATIONS:
        execute("INSERT INTO d1_migrations (name) VALUES (?)", (migration.name,))
    world.configure()
    document = {"contents": {"webhook": {"content_template": "x"}}}
    assert world.request("POST", "/api/templates/t", document).status == 200
    return world


@pytest.mark.requirement("C-0.16")
def test_no_query_of_any_route_reads_rows_without_a_bound(served: World) -> None:
    router, called = Router(all_routes()), set()
    for method, target, body in CALLS:
        headers = {"authorization": basic()} if body == "grafana" else {}
        content = ALERTS if body == "grafana" else body
        if isinstance(content, dict) and target.startswith(("/api/notifications/send",)):
            content = {"user_id": "u1", "channels": ["webhook"], **content}
        if isinstance(content, dict) and target == "/api/user-configs":
            content = {"user_id": "u1", **content}
        answer = served.request(method, target, content, headers=headers)
        assert answer.status < 500 or answer.status == 501, (target, answer.text)
        route, _ = router.find(method, target.partition("?")[0])
        called.add((route.method, route.path))
    assert {(route.method, route.path) for route in all_routes()} - called == set()

    seen: dict[str, Statement] = {s.sql: s for s in served.database.statements}
    assert len(seen) > 80
    walks = {
        " ".join(sql.split()): step
        for sql, statement in seen.items()
        for step in served.database.plan(statement)
        if _WALK.search(step) and not _HARMLESS.search(step)
    }
    unbounded = [(step, s) for s, step in walks.items() if not any(text in s for text in BOUNDED)]
    assert unbounded == []
    unused = [text for text in BOUNDED if not any(text in sql for sql in walks)]
    assert unused == []
