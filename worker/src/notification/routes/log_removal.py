"""Deleting notifications: one by its id, or all that are older than a date."""

from typing import Any

from notification.errors import ServiceError
from notification.http.parameters import (
    moment,
    one_of,
    row_id,
    switch,
    text_field,
    whole_field,
    whole_number,
)
from notification.http.response import Response, success
from notification.http.router import Access, Call, Route
from notification.http.unread_fields import refuse_unknown_fields
from notification.storage.log_retention import SETTLED, delete_older, delete_one
from notification.timestamps import DAY_MS, from_iso, iso


async def delete_log(call: Call) -> Response:
    """Delete one notification; 409 while it is being delivered, unless `?force=true`."""
    log_id = row_id(call.parameters["id"])
    if log_id is None:
        raise ServiceError("NOT_FOUND", "Log not found")
    row, deleted = await delete_one(
        call.platform.everywhere,
        log_id,
        force=switch(call.request.query, "force") is True,
        now=iso(call.platform.clock.now_ms()),
    )
    if row is None:
        raise ServiceError("NOT_FOUND", "Log not found")
    if not deleted:
        raise ServiceError(
            "LOG_IN_FLIGHT", "The notification is still being delivered; use force=true to delete"
        )
    gone = {name: row[name] for name in ("id", "user_id", "created_at")}
    return success(message="Log deleted successfully", deletedLog=gone)


async def delete_old_logs(call: Call) -> Response:
    """Delete notifications older than `before` or `days`; query parameters win over the body."""
    body = call.request.json_object() if call.request.body.strip() else {}
    refuse_unknown_fields(body, "before", "before_date", "days", "status")
    before_ms = _before(call, body)
    status = one_of("status", call.request.query.get("status", text_field(body, "status")), SETTLED)
    deleted = await delete_older(
        call.platform.everywhere,
        before_ms,
        statuses=(status,) if status else SETTLED,
        now=iso(call.platform.clock.now_ms()),
    )
    data: dict[str, Any] = {"deleted_count": deleted.rows, "before": iso(before_ms)}
    if deleted.more:
        data["more"] = True
    if not deleted.rows:
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
    return now_ms - days * DAY_MS if days is not None else from_iso(asked)


ROUTES = (
    Route(
        "DELETE",
        "/api/notification-logs/cleanup",
        delete_old_logs,
        query=("before", "days", "status"),
    ),
    Route(
        "POST",
        "/api/cleanup-logs",
        delete_old_logs,
        access=Access.ADMIN_KEY,
        query=("before", "days", "status"),
    ),
    Route(
        "DELETE",
        "/api/notification-logs/{id}",
        delete_log,
        aliases=("/api/logs/{id}",),
        query=("force",),
    ),
)
