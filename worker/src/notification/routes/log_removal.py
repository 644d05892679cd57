"""Deleting notifications: one by its id, or all that are older than a date."""

from typing import Any

from notification.errors import ServiceError
from notification.http.fields import text_field, whole_field
from notification.http.parameters import moment, whole_number
from notification.http.response import Response, success
from notification.http.router import Access, Call, Route
from notification.identity import first_row_id
from notification.logging import iso
from notification.ports.database import Statement
from notification.storage.log_removal import removal
from notification.storage.log_rows import moment_ms

_DAY_MS = 86_400_000
_PAGE = 1_000
_MAX_PAGES = 20
_STATUSES = ("sent", "failed", "cancelled")
_FIND = "SELECT id, user_id, created_at, status FROM notification_logs WHERE id = ?1"
_ONE = """
SELECT id FROM notification_logs
WHERE id = ?1 AND (?2 = 1 OR status NOT IN ('pending', 'retry'))
"""
_OLD = """
SELECT id FROM notification_logs
WHERE id < ?1 AND status IN (SELECT value FROM json_each(?2)) ORDER BY id LIMIT ?3
"""


async def delete_log(call: Call) -> Response:
    """409 while it is being delivered, unless `?force=true`."""
    text = call.parameters["id"]
    database, now = call.platform.database, iso(call.platform.clock.now_ms())
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise ServiceError("NOT_FOUND", "Log not found")
    force = int(call.request.query.get("force") == "true")
    found, _, deleted = await database.batch(
        [Statement(_FIND, (int(text),)), *removal(_ONE, (int(text), force), now)]
    )
    if not found.rows:
        raise ServiceError("NOT_FOUND", "Log not found")
    if not deleted.changes:
        raise ServiceError(
            "LOG_IN_FLIGHT", "The notification is still being delivered; use force=true to delete"
        )
    row = found.rows[0]
    gone = {name: row[name] for name in ("id", "user_id", "created_at")}
    return success(message="Log deleted successfully", deletedLog=gone)


async def delete_old_logs(call: Call) -> Response:
    """Delete what is older than `before` or `days`; query parameters win over the body."""
    body = call.request.json_object() if call.request.body.strip() else {}
    before_ms = _before(call, body)
    status = call.request.query.get("status") or text_field(body, "status")
    if status is not None and status not in _STATUSES:
        raise ServiceError("INVALID_PARAMETER", "Invalid status")
    statuses = f'["{status}"]' if status else '["sent","failed","cancelled"]'
    now, deleted, more = iso(call.platform.clock.now_ms()), 0, True
    for _ in range(_MAX_PAGES):
        statements = removal(_OLD, (first_row_id(before_ms), statuses, _PAGE), now)
        _, gone = await call.platform.database.batch(statements)
        deleted += gone.changes
        if gone.changes < _PAGE:
            more = False
            break
    data: dict[str, Any] = {"deleted_count": deleted, "before": iso(before_ms)}
    if more:
        data["more"] = True
    if not deleted:
        return success(data=data, message="No logs found to delete")
    return success(data=data)


def _before(call: Call, body: dict[str, Any]) -> int:
    query, now_ms = call.request.query, call.platform.clock.now_ms()
    asked = moment(query, "before")
    days: int | None = None
    if asked is None and query.get("days"):
        days = whole_number(query, "days", default=0)
    elif asked is None:
        asked = moment({"before": text_field(body, "before_date", "before") or ""}, "before")
        days = None if asked else whole_field(body, "days")
    if asked is None and days is None:
        if call.request.method != "POST":
            raise ServiceError("MISSING_PARAMETER", "Missing required parameter: before or days")
        days = 30
    if days is not None and days > 365:
        raise ServiceError("INVALID_PARAMETER", "Cannot delete logs older than 365 days")
    return now_ms - days * _DAY_MS if days is not None else moment_ms(str(asked))


ROUTES = (
    Route("DELETE", "/api/notification-logs/cleanup", delete_old_logs),
    Route("POST", "/api/cleanup-logs", delete_old_logs, access=Access.ADMIN_KEY),
    Route("DELETE", "/api/notification-logs/{id}", delete_log, aliases=("/api/logs/{id}",)),
)
