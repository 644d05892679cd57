"""The first attempts of one send, all channels at once."""

import asyncio
from collections.abc import Sequence
from typing import Any

from notification.delivery.attempt import attempt, endpoint_policy
from notification.delivery.recorder import record
from notification.delivery.retry_limit import retry_limit
from notification.delivery.settlement import Settlement, settle
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform
from notification.sending.draft import Draft
from notification.sending.result import shown_result

_GATHER_S = 1.0
"""Outcomes that come within this time of each other share a write; a slow channel holds up the
receipt of the others for no longer."""


async def deliver(
    drafts: Sequence[Draft], *, platform: Platform, own_host: str, log: Log
) -> list[dict[str, Any]]:
    """Attempt every draft that has a configuration; the results in the drafts' order.

    Goes on when the caller hangs up. An outcome that isn't written is shown as `pending`: the row
    is not settled by it, because the database failed or another attempt has taken it over.
    """
    shown = {d.channel: _unattempted(d) for d in drafts if d.config is None}
    attempted = [d for d in drafts if d.config is not None]
    if len(attempted) == 1:
        # The usual case, without tasks and timers: each is a bridge of the language bridge.
        settlement, details = await _attempt(attempted[0], platform, own_host, log)
        [written] = await _recorded([settlement], platform, log)
        shown[attempted[0].channel] = _attempted(settlement, details, written)
    else:
        shown |= await _together(attempted, platform, own_host, log)
    return [shown[draft.channel] for draft in drafts]


async def _together(
    drafts: Sequence[Draft], platform: Platform, own_host: str, log: Log
) -> dict[str, dict[str, Any]]:
    shown: dict[str, dict[str, Any]] = {}
    running = {
        asyncio.ensure_future(_attempt(draft, platform, own_host, log)): draft for draft in drafts
    }
    waiting = set(running)
    while waiting:
        done, waiting = await asyncio.wait(waiting, timeout=_GATHER_S)
        while waiting and not done:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        outcomes = [(running[task], *task.result()) for task in done]
        settlements = [settlement for _, settlement, _ in outcomes]
        written = await _recorded(settlements, platform, log)
        for (draft, settlement, details), done_so in zip(outcomes, written, strict=True):
            shown[draft.channel] = _attempted(settlement, details, done_so)
    return shown


async def _attempt(
    draft: Draft, platform: Platform, own_host: str, log: Log
) -> tuple[Settlement, Any]:
    outcome = await attempt(
        draft.notification,
        draft.config.config if draft.config else None,
        platform=platform,
        policy=endpoint_policy(platform, own_host),
        log=log,
    )
    most = 0
    if outcome.verdict.retryable:
        most = await retry_limit(platform)
    settlement = settle(
        draft.notification,
        outcome,
        max_retries=most,
        now_ms=platform.clock.now_ms(),
        randomness=platform.randomness,
    )
    return settlement, outcome.verdict.details


async def _recorded(settlements: list[Settlement], platform: Platform, log: Log) -> list[bool]:
    try:
        return await record(settlements, platform=platform, log=log)
    except DatabaseError:
        return [False] * len(settlements)


def _attempted(settlement: Settlement, details: Any, written: bool) -> dict[str, Any]:
    notification = settlement.notification
    return shown_result(
        channel=notification.channel,
        status=settlement.status if written else "pending",
        message_id=notification.message.message_id,
        user_id=notification.message.user_id,
        log_id=notification.id,
        details=details if settlement.status == "sent" and written else None,
        error=settlement.error,
        code=settlement.code,
    )


def _unattempted(draft: Draft) -> dict[str, Any]:
    return shown_result(
        channel=draft.channel,
        status="failed",
        message_id=draft.key.message_id,
        user_id=draft.notification.message.user_id,
        log_id=draft.key.row_id,
        error=draft.row["error"],
        code=draft.row["last_error_code"],
    )
