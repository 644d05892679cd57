"""Decides what the outcome of an attempt makes of a notification."""

from collections.abc import Sequence
from typing import Any

from notification.channels.channel import BROKEN, DEFAULT_PACE, THROTTLED, Pace, Verdict
from notification.channels.endpoint import EndpointPolicy
from notification.channels.pace import endpoint_id, pace_of
from notification.delivery.attempt import Outcome, attempt
from notification.delivery.notification import INTERRUPTED, INTERRUPTED_TEXT, Notification
from notification.delivery.settlement import Line, Settlement
from notification.logging import Log
from notification.ports.platform import Platform
from notification.timestamps import from_iso, iso

MAX_ATTEMPTS_KEPT = 10
MAX_ERROR_TEXT = 2_000
_MAX_ATTEMPT_ERROR = 300
EXPIRED = "EXPIRED"
EXPIRED_TEXT = "Not delivered within 24 hours"


async def attempt_and_settle(
    notification: Notification,
    config: dict[str, Any] | None,
    *,
    platform: Platform,
    policy: EndpointPolicy,
    log: Log,
    max_retries: int | None = None,
) -> Settlement:
    """Attempt a delivery and decide what becomes of the row. Nothing is written; never raises.

    Args:
        notification: the notification whose lease we hold.
        config: the recipient's configuration; None if the stored one can't be read.
        platform: the platform.
        policy: the endpoints that may be called.
        log: the log of the invocation.
        max_retries: how often it is retried where no schedule is set; None means that the database
            is asked if need be.
    """
    outcome = await attempt(notification, config, platform=platform, policy=policy, log=log)
    waits: Sequence[int] = ()
    pace, identity = DEFAULT_PACE, ""
    if outcome.verdict.outcome == BROKEN:
        # Imported when an attempt first fails; so below.
        from notification.delivery.schedule import default_waits, max_retries_or_default, own_waits

        own = own_waits(config, platform.settings)
        if own is None and max_retries is None:
            max_retries = await max_retries_or_default(platform)
        waits = default_waits(max_retries or 0) if own is None else own
    elif outcome.verdict.outcome == THROTTLED:
        pace = pace_of(notification.channel, config, platform.settings)
        identity = endpoint_id(notification.channel, config or {})
    return settle(
        notification, outcome, waits=waits, pace=pace, identity=identity, platform=platform
    )


def settle(
    notification: Notification,
    outcome: Outcome,
    *,
    waits: Sequence[int],
    platform: Platform,
    pace: Pace = DEFAULT_PACE,
    identity: str = "",
) -> Settlement:
    """Return `sent` if delivered, `retry` while another attempt can help, else `failed`.

    A broken attempt spends a retry; a throttled one spends nothing. Neither is repeated once the
    notification's time is over.
    """
    verdict = outcome.verdict
    now_ms = platform.clock.now_ms()
    retries = notification.retry_count
    now = iso(now_ms)
    settled = Settlement(
        notification=notification,
        status="sent",
        now=now,
        attempts=[*notification.attempts, _attempt_entry(outcome)][-MAX_ATTEMPTS_KEPT:],
        retry_count=retries,
        sent_at=now if verdict.accepted else None,
        details=verdict.details,
        truncated=outcome.truncated,
    )
    if verdict.accepted:
        return settled
    failed = settled._replace(
        status="failed",
        error=verdict.error[:MAX_ERROR_TEXT],
        code=verdict.code,
        exhausted=verdict.retryable,
    )
    left_ms = notification.expires_ms - now_ms
    if verdict.outcome == THROTTLED and left_ms > 0:
        told_ms = min(_throttled_ms(notification, verdict, platform), left_ms)
        endpoint = (notification.message.user_id, notification.channel)
        called_at, earliest_ms = iso(outcome.at_ms), now_ms + told_ms
        line = Line(endpoint, identity, called_at, pace, earliest_ms, notification.expires_ms)
        return _waiting(failed, told_ms, 0)._replace(line=line)
    if verdict.outcome == BROKEN and retries < len(waits) and left_ms > 0:
        from notification.delivery.schedule import retry_delay_ms

        delay_ms = retry_delay_ms(
            waits[retries], retry_after_s=verdict.retry_after_s, randomness=platform.randomness
        )
        return _waiting(failed, min(delay_ms, left_ms), 1)
    if verdict.outcome == THROTTLED:
        return failed._replace(error=_expired_text(verdict.error), code=EXPIRED)
    if verdict.gone:
        return failed._replace(gone_at=iso(outcome.at_ms))
    return failed


def expire(notification: Notification, platform: Platform) -> Settlement:
    """Return the end of a notification whose time is over; no attempt is made."""
    return Settlement(
        notification=notification,
        status="failed",
        now=iso(platform.clock.now_ms()),
        attempts=notification.attempts,
        retry_count=notification.retry_count,
        error=_expired_text(notification.error),
        code=EXPIRED,
        exhausted=True,
    )


def wait_until(notification: Notification, until_ms: int, platform: Platform) -> Settlement:
    """Return a notification's wait for the end of quiet hours; no attempt is made."""
    now_ms = platform.clock.now_ms()
    until_ms = min(until_ms, notification.expires_ms)
    return Settlement(
        notification=notification,
        status="retry",
        now=iso(now_ms),
        attempts=notification.attempts,
        retry_count=notification.retry_count,
        next_retry_at=iso(until_ms),
        delay_ms=until_ms - now_ms,
        error=notification.error,
        code=notification.attempts[-1].get("code") if notification.attempts else None,
    )


def give_up_on(notification: Notification, platform: Platform) -> Settlement:
    """Return the end of a notification whose attempts have ended their process too often."""
    return Settlement(
        notification=notification,
        status="failed",
        now=iso(platform.clock.now_ms()),
        attempts=notification.attempts[-MAX_ATTEMPTS_KEPT:],
        retry_count=notification.retry_count,
        error=f"{INTERRUPTED_TEXT} {notification.deaths} times: its process ended each time",
        code=INTERRUPTED,
        exhausted=True,
    )


def _expired_text(error: str | None) -> str:
    text = f"{EXPIRED_TEXT}; last error: {error}" if error else EXPIRED_TEXT
    return text[:MAX_ERROR_TEXT]


def _waiting(failed: Settlement, delay_ms: int, spent: int) -> Settlement:
    now_ms = from_iso(failed.now)
    return failed._replace(
        status="retry",
        retry_count=failed.retry_count + spent,
        next_retry_at=iso(now_ms + delay_ms),
        delay_ms=delay_ms,
        exhausted=False,
    )


def _throttled_ms(notification: Notification, verdict: Verdict, platform: Platform) -> int:
    from notification.delivery.schedule import throttled_delay_ms

    times = 1
    for entry in reversed(notification.attempts):
        if entry.get("outcome") != THROTTLED:
            break
        times += 1
    return throttled_delay_ms(
        times, retry_after_s=verdict.retry_after_s, randomness=platform.randomness
    )


def _attempt_entry(outcome: Outcome) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "at": iso(outcome.at_ms),
        "status_code": outcome.http_status,
        "duration_ms": outcome.duration_ms,
    }
    if outcome.version:
        entry["version"] = outcome.version
    if outcome.verdict.unconfirmed:
        entry["unconfirmed"] = True
    if outcome.truncated:
        entry["truncated"] = True
    if outcome.note:
        entry["note"] = outcome.note
    if not outcome.verdict.accepted:
        entry["outcome"] = outcome.verdict.outcome
        entry["code"] = outcome.verdict.code
        entry["retryable"] = outcome.verdict.retryable
        entry["error"] = outcome.verdict.error[:_MAX_ATTEMPT_ERROR]
    return entry
