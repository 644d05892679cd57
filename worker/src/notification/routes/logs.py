"""`/api/notification-logs`: what was sent, and what became of it."""

import json
from typing import Any
from urllib.parse import urlencode

from notification.channels.registry import CHANNELS
from notification.errors import ServiceError
from notification.http.parameters import moment, one_of, pagination, row_id, whole_number
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.identity import fold_recipient
from notification.ports.database import Row
from notification.sending.result import shown_status, shown_waits
from notification.storage.capped_count import shown_total
from notification.storage.log_rows import MAX_CHANGES, STATUSES, LogFilter, LogRows
from notification.timestamps import iso

_JSON_COLUMNS = ("attempts", "variables", "metadata")


def _shown_brief(row: Row) -> dict[str, Any]:
    return {**row, "status": shown_status(str(row["status"])), **shown_waits(row)}


def _shown(row: Row) -> dict[str, Any]:
    shown = _shown_brief(row)
    for column in _JSON_COLUMNS:
        shown[column] = json.loads(str(row[column])) if row[column] else None
    return shown


def _status(query: dict[str, str]) -> str | None:
    text = query.get("status") or None
    return "retry" if text == "retry_scheduled" else one_of("status", text, STATUSES)


def _channel(query: dict[str, str]) -> str | None:
    channel = query.get("channel") or query.get("channel_type") or None
    if channel is not None and channel not in CHANNELS:
        raise ServiceError(
            "INVALID_CHANNEL_TYPE",
            f"Invalid channel: {channel[:100]}. Valid channels are: {', '.join(CHANNELS)}",
        )
    return channel


async def list_logs(call: Call) -> Response:
    """List notifications, newest first; `total` stops at ten thousand and is then `total_capped`.

    A filter without a recipient or message id searches the newest twenty thousand of the range. If
    the range goes on, `searched_from` is the time to continue from, as `end_date`, and `next` the
    path and query of the call that does so.
    """
    query = call.request.query
    chosen = LogFilter(
        user_id=fold_recipient(query.get("user_id", "")) or None,
        channel=_channel(query),
        status=_status(query),
        template_key=query.get("template_key") or None,
        request_id=query.get("request_id") or None,
        message_id=query.get("message_id") or None,
        start=moment(query, "start_date"),
        end=moment(query, "end_date", end=True),
    )
    limit = whole_number(query, "limit", default=50, maximum=1000)
    offset = whole_number(query, "offset", default=0, minimum=0)
    database = call.platform.everywhere
    if chosen.user_id is not None:
        database = (await call.platform.for_user(chosen.user_id)).database
    found = await LogRows(database).list(chosen, limit=limit, offset=offset)
    data: dict[str, Any] = {
        "logs": [_shown(row) for row in found.rows],
        **shown_total(found.counted),
        "limit": limit,
        "offset": offset,
    }
    if found.searched_from_ms is not None:
        data["searched_from"] = iso(found.searched_from_ms)
        further = {**query, "end_date": data["searched_from"]}
        further.pop("offset", None)
        data["next"] = f"{call.request.path}?{urlencode(further)}"
    paging = pagination(found.counted, limit=limit, offset=offset, rows=len(found.rows))
    return success(data=data, pagination=paging)


async def list_changes(call: Call) -> Response:
    """List what is newer than the id `after`, and the state of the rows in `watch` (ids).

    Without `after` only the newest id is returned, to start from.
    """
    query = call.request.query
    after = whole_number(query, "after", default=0, minimum=0) if query.get("after") else None
    found = await LogRows(call.platform.everywhere).changes(after, _watched(query))
    shown = [_shown_brief(row) for row in found.rows]
    return success(data={"logs": shown, "newest": found.newest})


def _watched(query: dict[str, str]) -> list[int]:
    texts = [text for text in (query.get("watch") or "").split(",") if text]
    if len(texts) > MAX_CHANGES:
        raise ServiceError("INVALID_PARAMETER", f"watch must not exceed {MAX_CHANGES} ids")
    ids = [found for text in texts if (found := row_id(text)) is not None]
    if len(ids) < len(texts):
        raise ServiceError("INVALID_PARAMETER", "watch must be ids separated by commas")
    return ids


async def show_log(call: Call) -> Response:
    """Show one notification with its attempts; 404 if there is none."""
    log_id = row_id(call.parameters["id"])
    row = None
    if log_id is not None:
        row = await LogRows(call.platform.everywhere).find(log_id)
    if row is None:
        raise ServiceError("NOT_FOUND", "Log not found")
    return success(data=_shown(row))


ROUTES = (
    Route(
        "GET",
        "/api/notification-logs",
        list_logs,
        aliases=("/api/logs",),
        query=(
            "user_id",
            "channel",
            "channel_type",
            "status",
            "template_key",
            "request_id",
            "message_id",
            "start_date",
            "end_date",
            "limit",
            "offset",
        ),
    ),
    Route("GET", "/api/notification-logs/changes", list_changes, query=("after", "watch")),
    Route("GET", "/api/notification-logs/{id}", show_log, aliases=("/api/logs/{id}",)),
)
