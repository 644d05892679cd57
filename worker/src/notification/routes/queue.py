"""`/api/queue` and manual retries: what waits, what failed, and what an operator does about it."""

import re
from typing import Any

from notification.channels.registry import CHANNELS
from notification.delivery.queue_depths import queue_depths
from notification.delivery.redrive import (
    DEFAULT_REDRIVES,
    MAX_REDRIVES,
    Redrive,
    RedriveFilter,
    RedriveResult,
    discard_failed,
    settle_retries,
)
from notification.errors import ServiceError
from notification.http.parameters import flag_field, ids_field, moment, text_field, whole_field
from notification.http.request import Request
from notification.http.response import Response, failure, success
from notification.http.router import Call, Route
from notification.http.unread_fields import refuse_unknown_fields
from notification.identity import first_row_id, recipient_id
from notification.logging import Log
from notification.ports.database import Statement
from notification.ports.platform import Platform
from notification.storage.log_retention import count_of_users, delete_of_users
from notification.timestamps import HOUR_MS, iso

_TEST_USERS = ["test-user", "demo-user"]
_TEST_USER = re.compile(r"(test|demo|perf|batch|sdk|integration|github-actions)[-_].*")
_MAX_WAITING = 100
_WAITING = f"""
SELECT id, user_id, channel_type AS channel, retry_count, created_at, error AS error_message,
  next_retry_at
FROM notification_logs WHERE status = 'retry' ORDER BY next_retry_at LIMIT {_MAX_WAITING}
"""  # noqa: S608 - a number of this module
_SENT_LATELY = """
SELECT COUNT(*) AS sent FROM notification_logs WHERE id >= ?1 AND status = 'sent'
"""


def _optional_body(request: Request, *known: str) -> dict[str, Any]:
    body = request.json_object() if request.body.strip() else {}
    refuse_unknown_fields(body, *known)
    return body


_RETRY_FIELDS = (
    *("log_id", "message_id", "notification_id", "user_id", "channel", "code", "template_key"),
    *("since", "until", "max_age_hours", "limit", "cursor"),
)
_SKIPPED = {
    "no_content": "they failed before there was a text to send",
    "rejected": "the endpoint or the service refused them for good; once that is mended, name a"
    " user_id, channel, code, template_key, since or until to retry them",
    "too_old": "they are older than max_age_hours",
}


async def retry_failed(call: Call) -> Response:
    """Retry failed notifications: one by its id, or those that a filter chooses.

    Without a filter these are the ones whose last attempt was worth a repetition, of the last day;
    with one all that match. The answer says how many match, how many are queued, and why the others
    are not; `next` is the cursor for those beyond the limit.
    """
    body = _optional_body(call.request, *_RETRY_FIELDS)
    log_id = whole_field(body, "log_id")
    message_id = text_field(body, "message_id", "notification_id")
    if log_id is not None or message_id is not None:
        queued = await _redrive(call, call.platform).one(log_id=log_id, message_id=message_id)
        return _redriven(RedriveResult(queued, queued, {}, None))
    channel = text_field(body, "channel")
    if channel is not None and channel not in CHANNELS:
        raise ServiceError("INVALID_CHANNEL_TYPE", f"Invalid channel: {channel[:100]}")
    times = {name: text_field(body, name) or "" for name in ("since", "until")}
    chosen = RedriveFilter(
        user_id=None if body.get("user_id") is None else recipient_id(body["user_id"]),
        channel=channel,
        code=text_field(body, "code"),
        template_key=text_field(body, "template_key"),
        since=moment(times, "since"),
        until=moment(times, "until", end=True),
        max_age_hours=whole_field(body, "max_age_hours", maximum=8_760),
        limit=whole_field(body, "limit", maximum=MAX_REDRIVES) or DEFAULT_REDRIVES,
        cursor=whole_field(body, "cursor") or 0,
    )
    platform = call.platform
    if chosen.user_id is not None:
        platform = await platform.for_user(chosen.user_id)
    return _redriven(await _redrive(call, platform).many(chosen))


def _redrive(call: Call, platform: Platform) -> Redrive:
    return Redrive(platform, Log.of(platform, requestId=call.request.id))


def _redriven(result: RedriveResult) -> Response:
    skipped = [
        {"reason": reason, "count": count, "explanation": _SKIPPED[reason]}
        for reason, count in result.skipped.items()
    ]
    if result.queued:
        text = f"Queued {result.queued} notifications for retry"
    elif result.matched:
        text = f"None of {result.matched} failed notifications was queued; skipped tells why"
    else:
        text = "No failed notifications to retry"
    return success(
        data={
            "matched": result.matched,
            "total_failed": result.queued,
            "queued": result.queued,
            "skipped": skipped,
            "next": result.next,
            "message": text,
        }
    )


async def show_status(call: Call) -> Response:
    """Show how many notifications each queue stands for, and the next retries."""
    platform = call.platform
    depths = await queue_depths(platform)
    hour_ago = platform.clock.now_ms() - HOUR_MS
    waiting, sent = await platform.everywhere.batch(
        [Statement(_WAITING), Statement(_SENT_LATELY, (first_row_id(hour_ago),))]
    )
    items = sorted(waiting.rows, key=lambda row: (str(row["next_retry_at"]), int(row["id"])))
    retrying = depths[platform.settings.retry_queue_name]
    return success(
        data={
            "queues": [{"name": name, "size": size} for name, size in depths.items()],
            "pendingRetries": {"count": retrying, "items": items[:_MAX_WAITING]},
            "processingRate": sent.sum("sent"),
            "note": "Sizes are counts of notifications: the platform's queues don't tell theirs",
        }
    )


async def clear_retries(call: Call) -> Response:
    """End waiting retries; messages that are still queued for them are dropped on arrival."""
    body = _optional_body(call.request, "taskIds", "markAsFailed")
    ids = ids_field(body, "taskIds")
    as_failed = flag_field(body, "markAsFailed", default=True)
    manner = "Bulk" if ids is None else "Manually"
    error = f"{manner} {'marked as failed' if as_failed else 'cancelled'}"
    updated = await settle_retries(call.platform, ids, as_failed=as_failed, error=error)
    text = "All retry tasks have been cleared" if ids is None else f"Updated {updated} retry tasks"
    return success(message=text, data={"updated": updated})


async def discard(call: Call) -> Response:
    """Acknowledge dead letters by their log ids."""
    body = call.request.json_object()
    refuse_unknown_fields(body, "taskIds")
    ids = ids_field(body, "taskIds")
    if not ids:
        raise ServiceError("MISSING_PARAMETER", "Missing required parameter: taskIds")
    discarded = await discard_failed(call.platform, ids)
    return success(
        message=f"Discarded {discarded} failed notifications", data={"updated": discarded}
    )


async def purge_test_data(call: Call) -> Response:
    """Delete the settled notifications of test users; of others only with `force`."""
    body = _optional_body(call.request, "testUserIds", "force", "dryRun")
    users = body.get("testUserIds", _TEST_USERS)
    if not isinstance(users, list) or not all(isinstance(user, str) for user in users):
        raise ServiceError("INVALID_PARAMETER", "testUserIds must be an array of strings")
    if not flag_field(body, "force", default=False):
        foreign = [u for u in users if u not in _TEST_USERS and not _TEST_USER.fullmatch(u)]
        if foreign:
            raise ServiceError(
                "INVALID_PARAMETER", f"Not a test user: {foreign[0][:100]}. Use force to delete"
            )
    database = call.platform.everywhere
    if flag_field(body, "dryRun", default=False):
        found = await count_of_users(database, users)
        return success(
            dryRun=True,
            message=f"Would delete {found} test records",
            affectedUserIds=users,
            data={"count": found},
        )
    now = iso(call.platform.clock.now_ms())
    deleted = (await delete_of_users(database, users, now=now)).rows
    return success(
        message="Test data has been purged", affectedUserIds=users, data={"count": deleted}
    )


async def clear_messages(call: Call) -> Response:
    """Answer 501: the platform doesn't let a Worker purge a queue; end the rows instead."""
    if not text_field(_optional_body(call.request, "queueName"), "queueName"):
        raise ServiceError("MISSING_PARAMETER", "Queue name is required")
    error = ServiceError(
        "NOT_SUPPORTED",
        "Queues can't be purged from within the service; use /api/queue/clear-retries to end"
        " waiting retries",
    )
    return failure(error, call.request.id)


ROUTES = (
    Route("POST", "/api/notifications/retry", retry_failed, aliases=("/api/trigger-retry",)),
    Route("GET", "/api/queue/status", show_status),
    Route("POST", "/api/queue/clear-retries", clear_retries),
    Route("POST", "/api/queue/discard-failed", discard),
    Route("POST", "/api/queue/purge-test-data", purge_test_data),
    Route("POST", "/api/queue/clear-messages", clear_messages),
)
