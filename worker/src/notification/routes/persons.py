"""`/api/users/{user_id}`: exporting and erasing what is kept about a person."""

import json
from collections.abc import Collection
from typing import Any

from notification.channels.registry import CHANNELS
from notification.configuration.channel_config import KnownConfigs, cache_key, read_config
from notification.configuration.key_ring import KeyRing
from notification.configuration.masking import mask_config
from notification.errors import ServiceError
from notification.http.parameters import switch, whole_number
from notification.http.response import Response, success
from notification.http.router import Call, Route
from notification.identity import recipient_id
from notification.logging import Log
from notification.ports.database import Row
from notification.storage.log_retention import delete_person
from notification.storage.person_rows import PAGE, close_person, read_person
from notification.timestamps import iso

_JSON_COLUMNS = ("attempts", "variables", "metadata", "channel_options", "message_ids", "results")


async def export_person(call: Call) -> Response:
    """Export everything about one person; secrets of configurations stay masked.

    Notifications come oldest first. If there is more, pass `next_after` as `after` to the next
    request, and `next_key`, where it isn't null, as `after_key`.
    """
    user_id = recipient_id(call.parameters["user_id"])
    limit = whole_number(call.request.query, "limit", default=PAGE, maximum=PAGE)
    after = whole_number(call.request.query, "after", default=0, minimum=0)
    platform = await call.platform.for_user(user_id)
    after_key = call.request.query.get("after_key", "")
    person = await read_person(
        platform.database, user_id, after=after, after_key=after_key, limit=limit
    )
    if not (person.configs or person.logs or person.keys or person.holds) and not (
        after or after_key
    ):
        raise ServiceError("NOT_FOUND", "Nothing is kept about this user")
    keys = KeyRing(platform)
    configs = [await read_config(row, keys) for row in person.configs]
    full = len(person.logs) == limit
    last_log = int(str(person.logs[-1]["id"])) if person.logs else after
    data = {
        "user_id": user_id,
        "exported_at": iso(platform.clock.now_ms()),
        "configs": [
            {
                "id": config.id,
                "channel_type": config.channel,
                "config_data": None if config.config is None else mask_config(config.config),
                "is_active": config.is_active,
                "created_at": config.created_at,
                "updated_at": config.updated_at,
            }
            for config in configs
        ],
        "notifications": [_shown(row) for row in person.logs],
        "idempotency_keys": [_shown(row) for row in person.keys],
        "holds": [_shown(row) for row in person.holds],
        "next_after": last_log if full or person.next_key is not None else None,
        "next_key": person.next_key,
    }
    return success(data=data)


def _shown(row: Row) -> dict[str, Any]:
    shown: dict[str, Any] = dict(row)
    for column in _JSON_COLUMNS:
        if row.get(column):
            shown[column] = json.loads(str(row[column]))
    return shown


async def erase_person(call: Call) -> Response:
    """Erase configurations, notifications and idempotency keys; metrics name nobody and stay.

    409 while a notification is pending or waiting for a retry, unless `force=true`, which ends it.
    404 if there is nothing.
    """
    user_id = recipient_id(call.parameters["user_id"])
    force = switch(call.request.query, "force") is True
    platform = await call.platform.for_user(user_id)
    in_flight, channels, keys = await close_person(platform.database, user_id, force=force)
    if in_flight and not force:
        raise ServiceError(
            "LOG_IN_FLIGHT",
            f"{in_flight} notifications of this user are still being delivered;"
            " wait, or pass force=true",
        )
    await _drop_cached(call, user_id, {*CHANNELS, *channels})
    deleted = await delete_person(platform.database, user_id)
    complete = not deleted.more
    if not (channels or keys or deleted.rows):
        raise ServiceError("NOT_FOUND", "Nothing is kept about this user")
    counts = {"configs": len(channels), "notifications": deleted.rows, "idempotency_keys": keys}
    message = "User erased" if complete else "Erased in part; repeat the request for the rest"
    return success(
        message=message, data={"user_id": user_id, "deleted": counts, "complete": complete}
    )


async def _drop_cached(call: Call, user_id: str, channels: Collection[str]) -> None:
    """Drop the person's configurations from the caches, those of deleted channels included."""
    call.platform.memory.of(KnownConfigs).drop(user_id, list(channels))
    for channel in channels:
        try:
            await call.platform.cache.delete(cache_key(user_id, channel))
        except Exception as error:
            log = Log.of(call.platform, requestId=call.request.id)
            log.write("warn", "Cache delete failed", error=type(error).__name__)


ROUTES = (
    Route(
        "GET", "/api/users/{user_id}/export", export_person, query=("limit", "after", "after_key")
    ),
    Route("DELETE", "/api/users/{user_id}", erase_person, query=("force",)),
)
