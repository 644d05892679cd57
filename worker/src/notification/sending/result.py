"""One channel's entry in the answer to a send."""

from typing import Any

_SHOWN_STATUS = {"retry": "retry_scheduled"}


def shown_status(status: str) -> str:
    """Return the API's name of a row's status."""
    return _SHOWN_STATUS.get(status, status)


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
) -> dict[str, Any]:
    """Return the contract's fields; `error` and `code` only if they are set."""
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
    return entry
