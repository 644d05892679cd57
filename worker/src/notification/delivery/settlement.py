"""What the outcome of an attempt makes of a row."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from notification.channels.channel import BROKEN, REJECTED, THROTTLED, Verdict
from notification.channels.endpoint import EndpointPolicy
from notification.channels.pace import DEFAULT_PACE, Pace, pace_of
from notification.compact_json import compact_json
from notification.delivery.attempt import Outcome, attempt
from notification.delivery.endpoint_lines import SLOT, Endpoint, take_slot
from notification.delivery.notification import INTERRUPTED, INTERRUPTED_TEXT, Notification
from notification.delivery.schedule import (
    default_waits,
    max_retries_or_default,
    own_waits,
    retry_delay_ms,
    throttled_delay_ms,
)
from notification.logging import Log
from notification.ports.database import Result, Statement
from notification.ports.platform import Platform
from notification.timestamps import from_iso, iso

MAX_ATTEMPTS_KEPT = 10
MAX_ERROR_TEXT = 2_000
MAX_REASON = 300
_MAX_ATTEMPT_ERROR = 300
EXPIRED = "EXPIRED"
EXPIRED_TEXT = "Not delivered within 24 hours"

# The token stays, so that writing a settlement again does no harm: the first write's answer may
# have been lost.
_SETTLE = """
UPDATE notification_logs SET
  status = ?3, retry_count = ?4, next_retry_at = ?5, sent_at = ?6, error = ?7,
  last_error_code = ?8, attempts = ?9, updated_at = ?10, lease_until = NULL
WHERE id = ?1 AND lease_token = ?2
"""


# The endpoint is gone, unless its configuration was saved since the attempt began.
_DEACTIVATE = """
UPDATE user_configs SET is_active = 0, revision = revision + 1, deactivated_at = ?3,
  deactivated_reason = ?4
WHERE user_id = ?1 AND channel_type = ?2 AND is_active = 1 AND updated_at <= ?5
"""
_GONE = 410

# A throttled notification takes the first free place in its endpoint's line.
_SETTLE_IN_LINE = f"""
UPDATE notification_logs SET
  status = ?3, retry_count = ?4, sent_at = ?5, error = ?6, last_error_code = ?7, attempts = ?8,
  updated_at = ?9, lease_until = NULL,
  next_retry_at = {SLOT.format(end="?10", user="?11", channel="?12")}
WHERE id = ?1 AND lease_token = ?2
RETURNING next_retry_at
"""  # noqa: S608 - built from constants, values are bound


class Line(NamedTuple):
    """The place that a throttled notification takes: at `earliest_ms` or later, but for its end."""

    endpoint: Endpoint
    pace: Pace
    earliest_ms: int
    end_ms: int


class Settlement(NamedTuple):
    """The row's next state; times are ISO texts.

    Attributes:
        delay_ms: the wait before the retry, if one follows.
        exhausted: whether the notification failed because its retries are used up.
        details: what the endpoint answered, for the caller; it is not stored.
        truncated: whether the message was shortened.
        line: where it waits if the endpoint is throttled; the write decides the place.
        gone_at: when the attempt began that found the endpoint gone, as ISO text.
    """

    notification: Notification
    status: str
    now: str
    attempts: list[dict[str, Any]]
    retry_count: int
    next_retry_at: str | None = None
    delay_ms: int = 0
    sent_at: str | None = None
    error: str | None = None
    code: str | None = None
    exhausted: bool = False
    details: Any = None
    truncated: bool = False
    line: Line | None = None
    gone_at: str | None = None

    def statements(self) -> list[Statement]:
        """Write the state, provided that the lease is still ours; the last statement tells."""
        if self.gone_at is not None:
            message = self.notification.message
            reason = (self.error or "")[:MAX_REASON]
            values = (message.user_id, self.notification.channel, self.now, reason, self.gone_at)
            return [Statement(_DEACTIVATE, values), self._statement()]
        if self.line is None:
            return [self._statement()]
        return [
            take_slot(
                self.line.endpoint,
                self.line.pace,
                earliest_ms=self.line.earliest_ms,
                throttled_until_ms=self.line.earliest_ms,
            ),
            Statement(
                _SETTLE_IN_LINE,
                (
                    self.notification.id,
                    self.notification.lease_token,
                    self.status,
                    self.retry_count,
                    self.sent_at,
                    self.error,
                    self.code,
                    compact_json(self.attempts),
                    self.now,
                    self.line.end_ms,
                    *self.line.endpoint,
                ),
            ),
        ]

    def written(self, result: Result) -> "Settlement | None":
        """Return the state with its place in line, from the last statement's result.

        None if another attempt took the row over.
        """
        if self.line is None:
            return self if result.changes else None
        if not result.rows:
            return None
        place = str(result.rows[0]["next_retry_at"])
        return self._replace(
            next_retry_at=place, delay_ms=max(from_iso(place) - from_iso(self.now), 0)
        )

    def _statement(self) -> Statement:
        return Statement(
            _SETTLE,
            (
                self.notification.id,
                self.notification.lease_token,
                self.status,
                self.retry_count,
                self.next_retry_at,
                self.sent_at,
                self.error,
                self.code,
                compact_json(self.attempts),
                self.now,
            ),
        )


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
    waits = own_waits(config, platform.settings)
    if max_retries is None:
        asked = waits is None and outcome.verdict.outcome == BROKEN
        max_retries = await max_retries_or_default(platform) if asked else 0
    return settle(
        notification,
        outcome,
        waits=default_waits(max_retries) if waits is None else waits,
        pace=pace_of(notification.channel, config, platform.settings),
        platform=platform,
    )


def settle(
    notification: Notification,
    outcome: Outcome,
    *,
    waits: Sequence[int],
    platform: Platform,
    pace: Pace = DEFAULT_PACE,
) -> Settlement:
    """Return `sent` if delivered, `retry` while another attempt can help, else `failed`.

    A broken attempt spends a retry; a throttled one spends nothing. Neither is repeated once the
    notification's time is over.
    """
    verdict = outcome.verdict
    now_ms = platform.clock.now_ms()
    retries = notification.retry_count
    settled = Settlement(
        notification=notification,
        status="sent",
        now=iso(now_ms),
        attempts=[*notification.attempts, _attempt_entry(outcome)][-MAX_ATTEMPTS_KEPT:],
        retry_count=retries,
        details=verdict.details,
        truncated=outcome.truncated,
    )
    if verdict.accepted:
        return settled._replace(sent_at=settled.now)
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
        line = Line(endpoint, pace, now_ms + told_ms, notification.expires_ms)
        return _waiting(failed, told_ms, 0)._replace(line=line)
    if verdict.outcome == BROKEN and retries < len(waits) and left_ms > 0:
        delay_ms = retry_delay_ms(
            waits[retries], retry_after_s=verdict.retry_after_s, randomness=platform.randomness
        )
        return _waiting(failed, min(delay_ms, left_ms), 1)
    if verdict.outcome == THROTTLED:
        return failed._replace(error=_expired_text(verdict.error), code=EXPIRED)
    if verdict.outcome == REJECTED and outcome.http_status == _GONE:
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
