"""The answer to a request whose idempotency key is taken."""

import json
from collections.abc import Sequence
from typing import Any

from notification.errors import ServiceError
from notification.identity import row_id_of
from notification.ports.database import Row
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.sending.result import shown_result, shown_waits
from notification.storage.outbox import rows_of
from notification.timestamps import iso

_WAITS_MS = (50, 100, 200, 350, 500, 800)
"""Two seconds in total."""


async def replay(
    record: Row, command: SendCommand, request_hash: str, platform: Platform
) -> list[dict[str, Any]] | None:
    """Return the results of the request that took the key, with the rows' current statuses.

    Waits up to two seconds for a first attempt that is under way.

    Returns:
        The results; None if the reservation has lapsed without rows, so that the caller may take
        it.

    Raises:
        ServiceError: IDEMPOTENCY_KEY_REUSED for another payload, or IDEMPOTENCY_IN_PROGRESS.
    """
    if record["request_hash"] is not None and record["request_hash"] != request_hash:
        raise _reused()
    message_ids = [str(i) for i in json.loads(str(record["message_ids"]))]
    row_ids = [row_id for row_id in map(row_id_of, message_ids) if row_id is not None]
    for wait_ms in (*_WAITS_MS, 0):
        rows = await rows_of(platform.database, message_ids, row_ids)
        now = iso(platform.clock.now_ms())
        kept = _kept_results(record)
        if not rows and not kept and record["status"] == "in_progress":
            if str(record["lease_until"]) <= now:
                return None
        elif not any(_under_way(row, now) for row in rows):
            return _in_order(message_ids, rows, kept, command)
        if wait_ms:
            await platform.clock.sleep(wait_ms)
    raise ServiceError(
        "IDEMPOTENCY_IN_PROGRESS",
        "A request with this idempotency key is still being processed",
        retry_after=1,
    )


async def replays(
    taken: Sequence[tuple[Row, SendCommand, str]], platform: Platform
) -> list[list[dict[str, Any]] | ServiceError | None]:
    """Answer several requests whose keys are taken, in one round trip and without waiting.

    Args:
        taken: each request's record, command and hash.
        platform: the platform.

    Returns:
        For each the results, why it is refused, or None where an attempt is under way or the
        reservation has lapsed, so that it has to be answered by itself.

    Raises:
        DatabaseError: the database did not answer.
    """
    ids = [[str(i) for i in json.loads(str(record["message_ids"]))] for record, _, _ in taken]
    every = [message_id for group in ids for message_id in group]
    row_ids = [row_id for row_id in map(row_id_of, every) if row_id is not None]
    rows = {row["message_id"]: row for row in await rows_of(platform.database, every, row_ids)}
    now = iso(platform.clock.now_ms())
    answers: list[list[dict[str, Any]] | ServiceError | None] = []
    for (record, command, request_hash), message_ids in zip(taken, ids, strict=True):
        found = [rows[message_id] for message_id in message_ids if message_id in rows]
        kept = _kept_results(record)
        if record["request_hash"] is not None and record["request_hash"] != request_hash:
            answers.append(_reused())
        elif any(_under_way(row, now) for row in found) or not (found or kept):
            answers.append(None)
        else:
            answers.append(_in_order(message_ids, found, kept, command))
    return answers


def _reused() -> ServiceError:
    return ServiceError(
        "IDEMPOTENCY_KEY_REUSED", "This idempotency key was used for a different request"
    )


def _under_way(row: Row, now: str) -> bool:
    return row["status"] == "pending" and str(row["lease_until"] or "") > now


def _kept_results(record: Row) -> dict[str, Any]:
    kept = json.loads(str(record["results"])) if record["results"] else {}
    return kept if isinstance(kept, dict) else {}


def _in_order(
    message_ids: Sequence[str], rows: Sequence[Row], kept: dict[str, Any], command: SendCommand
) -> list[dict[str, Any]]:
    by_message = {row["message_id"]: row for row in rows}
    results = []
    for message_id in message_ids:
        row = by_message.get(message_id) or kept.get(message_id)
        if row is not None:
            results.append(
                shown_result(
                    channel=str(row["channel_type"]),
                    status=str(row["status"]),
                    message_id=message_id,
                    user_id=command.user_id,
                    log_id=int(row["id"]),
                    error=row.get("error"),
                    code=row.get("last_error_code"),
                    waits=shown_waits(row),
                )
            )
    return results
