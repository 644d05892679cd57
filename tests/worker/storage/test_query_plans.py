"""Every route's queries find their rows by a key or an index."""

from __future__ import annotations

import pytest

from notification.http.router import Router
from notification.ports.database import Statement
from notification.routes.table import all_routes
from notification.schema.migration_files import MIGRATIONS
from tests.worker.routes.test_grafana import PASSWORD, USER, basic
from tests.worker.world import World

CALLS: tuple[tuple[str, str, object], ...] = (
    ("GET", "/health", None),
    ("GET", "/health/scheduled-tasks", None),
    ("GET", "/openapi.json", None),
    ("POST", "/api/notifications/send", {"template_key": "t", "idempotency_key": "k"}),
    ("POST", "/api/notifications/retry", {}),
    ("POST", "/api/notifications/retry", {"user_id": "u1", "channel": "webhook"}),
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
    ("GET", "/api/notification-logs/1", None),
    ("DELETE", "/api/notification-logs/1", None),
    ("DELETE", "/api/notification-logs/cleanup?days=7", None),
    ("POST", "/api/cleanup-logs", None),
    ("GET", "/metrics", None),
    ("GET", "/metrics?user_id=u1", None),
    ("GET", "/metrics?format=prometheus", None),
    ("GET", "/api/stats/series?metric=sent&step=day", None),
    ("GET", "/api/task-execution-records", None),
    ("POST", "/api/scheduled-tasks/trigger", {"taskName": "monitoring"}),
    ("GET", "/api/queue/status", None),
    ("POST", "/api/queue/clear-retries", {}),
    ("POST", "/api/queue/clear-retries", {"taskIds": [1]}),
    ("POST", "/api/queue/discard-failed", {"taskIds": [1]}),
    ("POST", "/api/queue/purge-test-data", {"dryRun": True}),
    ("POST", "/api/queue/purge-test-data", {}),
    ("POST", "/api/queue/clear-messages", {"queueName": "retry-queue"}),
    ("GET", "/api/db/schema", None),
    ("POST", "/api/db/migrate", {"dryRun": True}),
    ("POST", "/api/webhooks/grafana", "grafana"),
    ("POST", "/web_hook/bridge/u1/webhook", {"text": "x"}),
    ("GET", "/api/users/u1/export", None),
    ("DELETE", "/api/users/u1?force=true", None),
)
ALERTS = {
    "receiver": "u1",
    "status": "firing",
    "alerts": [{"status": "firing", "labels": {"alertname": "HighCPU"}}],
}
SMALL = (
    "sqlite_master",
    "sqlite_schema",
    "d1_migrations",
    "scheduled_tasks",
    "system_configs",
    "template",
    "(subquery-1)",
)
"""What has few rows on every installation: these tables, templates that people write, and
subqueries that a limit ends."""
WALKED = "FROM user_configs WHERE channel_type"
"""An operator's list of one channel without a recipient: a walk along the primary key that ends
with its page. An index would cost every save a row."""
RARE = ("SELECT COUNT(*) AS total, COALESCE(SUM(expires", "FROM user_configs GROUP BY key_id")
"""What the monitoring reads once an hour: cheaper than an index that every write would pay for."""


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
def test_no_query_of_any_route_reads_a_whole_table(served: World) -> None:
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
    assert len(seen) > 40
    scans = [
        (step, sql)
        for sql, statement in seen.items()
        if not any(text in sql for text in (*RARE, WALKED)) and not _is_page(sql)
        for step in served.database.plan(statement)
        if step.startswith("SCAN ")
        and " INDEX " not in step
        and "VIRTUAL TABLE" not in step
        and not step.startswith("SCAN CONSTANT ROW")
        and step.split()[1] not in SMALL
    ]
    assert scans == []


def _is_page(sql: str) -> bool:
    """Whether it walks along the primary key, unfiltered, and stops at the end of a page."""
    words = " ".join(sql.split())
    return " WHERE " not in words and " ORDER BY id " in words and " LIMIT ?" in words
