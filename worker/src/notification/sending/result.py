"""One channel's entry in the answer to a send."""

from collections.abc import Iterable, Mapping
from typing import Any

from notification.channels.channel import THROTTLED_CODE

_SHOWN_STATUS = {"retry": "retry_scheduled"}


def shown_status(status: str) -> str:
    """Return the API's name of a row's status."""
    return _SHOWN_STATUS.get(status, status)


def shown_waits(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a waiting row waits for, as the API's fields: each the time at which it ends.

    A planned row whose time has come waits for something else, at another time.
    """
    if row["status"] != "retry":
        return {}
    if row.get("after_id"):
        return {"fallback_of": row["after_id"]}
    waits = {"held_until": row["held_until"]} if row.get("held_until") else {}
    due_at = row.get("next_retry_at")
    if row.get("send_at") and row["send_at"] == due_at:
        waits["send_at"] = row["send_at"]
    # What a key's record keeps of a deleted row has no times.
    if not waits and due_at and row.get("last_error_code") == THROTTLED_CODE:
        waits["throttled_until"] = due_at
    return waits


def undelivered_channels(results: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the channels whose first attempt failed, by the entries of an answer.

    A channel that the recipient hasn't configured is the caller's matter.
    """
    failed = {
        str(entry["channelType"])
        for entry in results
        if entry.get("error") and entry.get("code") != "CHANNEL_NOT_CONFIGURED"
    }
    return tuple(sorted(failed))


def shown_result(
    *,
    channel: str,
    status: str,
    message_id: str,
    user_id: str,
    log_id: int,
    details: Any = None,
    error: Any = None,
    code: Any = None,
    truncated: bool = False,
    waits: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the contract's fields; those that are not set are left out."""
    entry: dict[str, Any] = {
        "channelType": channel,
        "status": shown_status(status),
        "messageId": message_id,
        "userId": user_id,
        "logId": log_id,
    }
    if details is not None:
        entry["details"] = details
    if error:
        entry["error"] = error
    if code:
        entry["code"] = code
    if truncated:
        entry["truncated"] = True
    return {**entry, **(waits or {})}
