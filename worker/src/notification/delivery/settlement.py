"""What an outcome makes of a row."""

from typing import Any, NamedTuple

from notification.compact_json import compact_json
from notification.delivery.attempt import Outcome
from notification.delivery.notification import Notification
from notification.delivery.schedule import retry_delay_ms
from notification.logging import iso
from notification.ports.database import Statement
from notification.ports.platform import Randomness

MAX_ATTEMPTS_KEPT = 10
MAX_ERROR_TEXT = 2_000
_MAX_ATTEMPT_ERROR = 300

# The token stays, so that writing the same settlement twice does no harm: the answer of the first
# write may have been lost.
_SETTLE = """
UPDATE notification_logs SET
  status = ?3, retry_count = ?4, next_retry_at = ?5, sent_at = ?6, error = ?7,
  last_error_code = ?8, attempts = ?9, updated_at = ?10, lease_until = NULL
WHERE id = ?1 AND lease_token = ?2
"""


class Settlement(NamedTuple):
    """The row's next state; times are ISO texts."""

    notification: Notification
    status: str
    retry_count: int
    next_retry_at: str | None
    delay_ms: int
    sent_at: str | None
    error: str | None
    code: str | None
    attempts: list[dict[str, Any]]
    now: str
    exhausted: bool

    def statement(self) -> Statement:
        """Writes the state, provided that the lease is still ours."""
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


def settle(
    notification: Notification,
    outcome: Outcome,
    *,
    max_retries: int,
    now_ms: int,
    randomness: Randomness,
) -> Settlement:
    """Accepted: sent. Retryable: `retry` at a time, until `max_retries` are used. Else: failed."""
    verdict = outcome.verdict
    attempts = [*notification.attempts, _attempt_entry(outcome)][-MAX_ATTEMPTS_KEPT:]
    now = iso(now_ms)
    retries = notification.retry_count
    if verdict.accepted:
        return Settlement(
            notification, "sent", retries, None, 0, now, None, None, attempts, now, False
        )
    error = verdict.error[:MAX_ERROR_TEXT]
    if verdict.retryable and retries < max_retries:
        delay = retry_delay_ms(
            retries + 1, retry_after_s=verdict.retry_after_s, randomness=randomness
        )
        due = iso(now_ms + delay)
        return Settlement(
            notification,
            "retry",
            retries + 1,
            due,
            delay,
            None,
            error,
            verdict.code,
            attempts,
            now,
            False,
        )
    return Settlement(
        notification,
        "failed",
        retries,
        None,
        0,
        None,
        error,
        verdict.code,
        attempts,
        now,
        exhausted=verdict.retryable,
    )


def _attempt_entry(outcome: Outcome) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "at": iso(outcome.at_ms),
        "status_code": outcome.http_status,
        "duration_ms": outcome.duration_ms,
    }
    if outcome.version:
        entry["version"] = outcome.version
    if not outcome.verdict.accepted:
        entry["code"] = outcome.verdict.code
        entry["retryable"] = outcome.verdict.retryable
        entry["error"] = outcome.verdict.error[:_MAX_ATTEMPT_ERROR]
    return entry
