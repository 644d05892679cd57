"""Writing the outcomes of attempts, and queueing the messages that follow from them."""

from collections.abc import Sequence
from contextlib import suppress

from notification.configuration.channel_config import cache_key
from notification.delivery.endpoint_lines import Line, Places, keep_back
from notification.delivery.settlement import Settlement, write_all
from notification.logging import Log
from notification.ports.database import DatabaseError
from notification.ports.platform import Platform
from notification.timestamps import from_iso, iso

_PAUSES_MS = (100, 400, 1_500)
"""Pauses before each repetition of a write: D1 may be away for a second or two when it moves."""


async def record(
    settlements: Sequence[Settlement], *, platform: Platform, log: Log
) -> list[Settlement | None]:
    """Write all settlements in one batch, then queue the retries and dead letters.

    A failed write is repeated. If it keeps failing, each delivery that went out unrecorded is
    logged: its lease lapses and it is attempted again.

    Returns:
        Each settlement as it was written; None if another attempt took its row over.

    Raises:
        DatabaseError: every repetition of the write failed.
    """
    if platform.is_sharded and any(_shares_line(each) for each in settlements):
        settlements = await _in_shared_lines(settlements, platform, log)
    outcomes = await _write(settlements, platform, log)
    for settlement, outcome in zip(settlements, outcomes, strict=True):
        if outcome is None:
            log.write(
                "warn",
                "Another attempt took this notification over",
                type="lease_lost",
                messageId=settlement.notification.message.message_id,
                logId=settlement.notification.id,
                outcome=settlement.status,
            )
    written = [outcome for outcome in outcomes if outcome is not None]
    if platform.is_sharded:
        await _tell_other_shards(written, platform, log)
    for settlement in written:
        _log_throttled(settlement, log)
        await _drop_gone(settlement, platform, log)
    if any(settlement.status != "sent" for settlement in written):
        await _enqueue(written, platform, log)
    ended = [s.notification.id for s in written if s.notification.followed and s.status != "retry"]
    if ended:
        # Imported when a notification first has a fallback.
        from notification.delivery.fallback import resolve_fallbacks

        await resolve_fallbacks(ended, platform=platform, log=log)
    return outcomes


async def _enqueue(written: Sequence[Settlement], platform: Platform, log: Log) -> None:
    """Queue the messages of those that wait for a retry, and of those that have ended in vain."""
    # Imported when a delivery first fails.
    from notification.delivery.retry_message import RetryMessage, enqueue

    retries = [
        RetryMessage(s.notification.id, s.retry_count, s.delay_ms)
        for s in written
        if s.status == "retry"
    ]
    dead = [
        RetryMessage(s.notification.id, s.retry_count, gone=s.gone_at is not None)
        for s in written
        if s.exhausted or s.gone_at is not None
    ]
    if retries:
        await enqueue(platform.retry_queue, retries, platform=platform, log=log)
    if dead:
        await enqueue(platform.failed_queue, dead, platform=platform, log=log)


def _shares_line(settlement: Settlement) -> bool:
    """Whether the line may be another database's, as that of an endpoint with an id is."""
    return settlement.line is not None and bool(settlement.line.identity)


async def _in_shared_lines(
    settlements: Sequence[Settlement], platform: Platform, log: Log
) -> list[Settlement]:
    """Take the places of throttled notifications in the databases of their lines.

    Never raises: if one doesn't answer, they take places in a line of their own database.
    """
    # Imported where there are several databases and an endpoint is throttled.
    from notification.delivery.shared_lines import home_of, take_places

    lines = {n: line for n, each in enumerate(settlements) if (line := each.line) and line.identity}
    wanted = [
        Places(
            line.identity,
            line.endpoint[1],
            line.pace,
            line.earliest_ms,
            throttled_until_ms=line.earliest_ms,
            throttled_ms=from_iso(settlements[number].now),
        )
        for number, line in lines.items()
    ]
    try:
        places = await take_places(wanted, platform)
        homes = [await home_of(each.identity, platform) for each in wanted]
    except DatabaseError as error:
        log.write("warn", "Taking a place in line failed", error=str(error))
        return list(settlements)
    placed = list(settlements)
    for (number, line), each, place_ms, home in zip(
        lines.items(), wanted, places, homes, strict=True
    ):
        following_ms = place_ms + each.pace.interval_ms
        known = Line(each.identity, each.throttled_until_ms, following_ms, each.pace)
        notices = [] if home == platform.shard else [keep_back(known, each.channel)]
        placed[number] = settlements[number].placed(line, place_ms, notices)
    return placed


async def _tell_other_shards(written: Sequence[Settlement], platform: Platform, log: Log) -> None:
    """Keep the notifications of other databases from endpoints that were just throttled."""
    lines = [(line.identity, line.endpoint[1]) for each in written if (line := each.line)]
    if told := [line for line in lines if line[0]]:
        # Imported where there are several databases and an endpoint is throttled.
        from notification.delivery.shared_lines import tell

        await tell(told, platform, log)


async def _drop_gone(settlement: Settlement, platform: Platform, log: Log) -> None:
    if settlement.gone_at is None:
        return
    user_id, channel = settlement.notification.message.user_id, settlement.notification.channel
    log.write(
        "warn",
        "The endpoint is gone: its configuration is switched off",
        type="endpoint_gone",
        channel=channel,
        userId=user_id,
        logId=settlement.notification.id,
    )
    # The cache only shows configurations: what it holds a minute longer sends nothing.
    with suppress(Exception):
        await platform.cache.delete(cache_key(user_id, channel))


def _log_throttled(settlement: Settlement, log: Log) -> None:
    if settlement.line is not None:
        log.write(
            "warn",
            "The endpoint asks for fewer calls",
            type="endpoint_throttled",
            channel=settlement.notification.channel,
            userId=settlement.notification.message.user_id,
            messageId=settlement.notification.message.message_id,
            logId=settlement.notification.id,
            endpoint=settlement.line.identity,
            throttledUntil=iso(settlement.line.earliest_ms),
            nextRetryAt=settlement.next_retry_at,
        )


async def _write(
    settlements: Sequence[Settlement], platform: Platform, log: Log
) -> list[Settlement | None]:
    for number, pause_ms in enumerate((*_PAUSES_MS, None)):
        try:
            return await write_all(platform.database, settlements)
        except DatabaseError as error:
            left = len(_PAUSES_MS) - number
            log.write("warn", "Writing an outcome failed", triesLeft=left, error=str(error))
            if pause_ms is None:
                _report_unrecorded(settlements, log)
                raise
            await platform.clock.sleep(pause_ms)
    raise AssertionError("the loop above returns or raises")


def _report_unrecorded(settlements: Sequence[Settlement], log: Log) -> None:
    for settlement in settlements:
        if settlement.status == "sent":
            log.write(
                "error",
                "Delivered, but the outcome could not be written",
                type="delivery_unrecorded",
                messageId=settlement.notification.message.message_id,
                logId=settlement.notification.id,
            )
