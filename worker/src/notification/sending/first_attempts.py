"""The first attempts of one send, all channels at once."""

from collections.abc import Sequence
from typing import Any

from notification.channels.endpoint import EndpointPolicy
from notification.delivery.recorder import record
from notification.delivery.settle import attempt_and_settle
from notification.delivery.settlement import Settlement
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform
from notification.sending.draft import Draft
from notification.sending.result import shown_result, shown_waits
from notification.timestamps import from_iso

_GATHER_S = 1.0
"""Outcomes that arrive within this time of each other share a write; a slow channel delays the
record of the others by no more than that."""


async def deliver(
    drafts: Sequence[Draft],
    *,
    platform: Platform,
    own_host: str,
    log: Log,
    max_retries: int | None = None,
) -> list[dict[str, Any]]:
    """Attempt every draft that has a configuration; the results are in the drafts' order.

    Goes on when the caller hangs up. An outcome that was not written is shown as `pending`: it
    does not settle the row, because the database failed or another attempt took the row over.
    """
    shown = {d.key.row_id: _unattempted(d) for d in drafts if d.config is None}
    await _wake_later(drafts, platform, log)
    attempted = [d for d in drafts if d.config is not None]
    policy = EndpointPolicy.of(platform.settings, own_host)
    if len(attempted) == 1:
        # The usual case, without tasks and timers: each costs a call across the bridge.
        settlement = await _attempt(attempted[0], platform, policy, log, max_retries)
        [written] = await _recorded([settlement], platform, log)
        shown[attempted[0].key.row_id] = _attempted(settlement, written)
    else:
        shown |= await _together(attempted, platform, policy, log, max_retries)
    return [shown[draft.key.row_id] for draft in drafts]


async def _wake_later(drafts: Sequence[Draft], platform: Platform, log: Log) -> None:
    """Queue a message for each notification that waits for its time or for the consumer."""
    if not any(draft.deferred or draft.row["status"] == "retry" for draft in drafts):
        return
    # Imported when a notification first waits.
    from notification.delivery.retry_message import RetryMessage, enqueue

    now_ms = platform.clock.now_ms()
    waiting = [
        RetryMessage(d.key.row_id, 0, max(from_iso(d.row["next_retry_at"]) - now_ms, 0))
        for d in drafts
        if d.row["status"] == "retry" and d.row.get("after_id") is None
    ]
    waiting += [RetryMessage(d.key.row_id, 0) for d in drafts if d.deferred]
    if waiting:
        await enqueue(platform.retry_queue, waiting, platform=platform, log=log)


async def _together(
    drafts: Sequence[Draft],
    platform: Platform,
    policy: EndpointPolicy,
    log: Log,
    max_retries: int | None,
) -> dict[int, dict[str, Any]]:
    shown: dict[int, dict[str, Any]] = {}
    attempts = [_attempt(d, platform, policy, log, max_retries) for d in drafts]
    async for settlements in platform.gathered(attempts, _GATHER_S):
        written = await _recorded(settlements, platform, log)
        for settlement, recorded in zip(settlements, written, strict=True):
            shown[settlement.notification.id] = _attempted(settlement, recorded)
    return shown


async def _attempt(
    draft: Draft,
    platform: Platform,
    policy: EndpointPolicy,
    log: Log,
    max_retries: int | None,
) -> Settlement:
    return await attempt_and_settle(
        draft.notification,
        draft.config.config if draft.config else None,
        platform=platform,
        policy=policy,
        log=log,
        max_retries=max_retries,
    )


async def _recorded(
    settlements: list[Settlement], platform: Platform, log: Log
) -> list[Settlement | None]:
    try:
        return await record(settlements, platform=platform, log=log)
    except DatabaseError:
        return [None] * len(settlements)


def _attempted(settlement: Settlement, written: Settlement | None) -> dict[str, Any]:
    notification = settlement.notification
    waits = None
    if written is not None and written.line is not None:
        waits = {"throttled_until": written.next_retry_at}
    return shown_result(
        channel=notification.channel,
        status="pending" if written is None else settlement.status,
        message_id=notification.message.message_id,
        user_id=notification.message.user_id,
        log_id=notification.id,
        details=settlement.details if settlement.status == "sent" and written else None,
        error=settlement.error,
        code=settlement.code,
        truncated=settlement.truncated,
        waits=waits,
    )


def _unattempted(draft: Draft) -> dict[str, Any]:
    return shown_result(
        channel=draft.channel,
        status=str(draft.row["status"]),
        message_id=draft.key.message_id,
        user_id=draft.notification.message.user_id,
        log_id=draft.key.row_id,
        error=draft.row.get("error"),
        code=draft.row.get("last_error_code"),
        waits=shown_waits(draft.row),
    )
