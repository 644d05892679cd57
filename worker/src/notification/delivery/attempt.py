"""One attempt to deliver one notification."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from notification.channels.channel import BROKEN, DELIVERED, REJECTED, Channel, Verdict
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS
from notification.delivery.notification import Notification
from notification.errors import ChannelRefusal
from notification.logging import Log, redact
from notification.ports.outbound import (
    OutboundAnswer,
    OutboundFailure,
    OutboundRequest,
    OutboundTimeout,
)
from notification.ports.platform import Platform

MAX_ATTEMPT_MS = 25_000
"""The time for all calls of an attempt: Cloudflare ends `waitUntil` work 30 s after a hang-up."""


# Controls (but not tabs and line ends), separators of lines, and marks that change the direction.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
SENT_PLAIN = "sent as plain text"
NOT_CONFIGURED = "CHANNEL_NOT_CONFIGURED"


class Outcome(NamedTuple):
    """The result of an attempt.

    Attributes:
        verdict: the channel's judgement.
        at_ms: when the attempt began.
        duration_ms: how long it took.
        http_status: the answer's status; None if no answer arrived.
        version: the start of the version's id; empty if the platform doesn't name it.
        truncated: whether the message was shortened.
        note: what else was done, such as sending it as plain text; else empty.
    """

    verdict: Verdict
    at_ms: int
    duration_ms: int
    http_status: int | None
    version: str = ""
    truncated: bool = False
    note: str = ""


class _Tried(NamedTuple):
    """An attempt's result; `truncated` tells that the channel's limits shortened the message."""

    verdict: Verdict
    http_status: int | None = None
    truncated: bool = False
    note: str = ""


def not_configured(notification: Notification, platform: Platform) -> Outcome:
    """Return the outcome for a channel without an active configuration: no attempt is made."""
    text = f"No active configuration for channel {notification.channel}"
    verdict = Verdict(REJECTED, text, NOT_CONFIGURED)
    return Outcome(verdict, platform.clock.now_ms(), 0, None)


async def attempt(
    notification: Notification,
    config: dict[str, Any] | None,
    *,
    platform: Platform,
    policy: EndpointPolicy,
    log: Log,
) -> Outcome:
    """Attempt a delivery once. Never raises.

    The log line carries the id of the request that brought the notification, in a retry too. What
    an endpoint accepted within that request stands in the request's own line: each line costs as
    much as the attempt's other bookkeeping.

    Args:
        notification: the notification whose lease we hold.
        config: the recipient's configuration; None if the stored one can't be read.
        platform: the platform.
        policy: the endpoints that may be called.
        log: the log of the invocation.
    """
    started = platform.clock.now_ms()
    tried = await _try(notification, config, platform, policy)
    changes = tried.verdict.changes
    if changes and config is not None:
        # Imported when an endpoint first says so.
        from notification.delivery.config_changes import store_changes

        tried = await _try(notification, {**config, **changes}, platform, policy)
        await store_changes(
            notification.message.user_id,
            notification.channel,
            changes,
            platform=platform,
            log=log,
        )
    verdict, status, truncated, note = tried
    truncated = truncated or notification.message.truncated
    if verdict.error:
        verdict = verdict._replace(error=_printable(verdict.error))
    duration = platform.clock.now_ms() - started
    cut = {"truncated": True} if truncated else {}
    told = {
        "messageId": notification.message.message_id,
        "logId": notification.id,
        "channel": notification.channel,
        "userId": notification.message.user_id,
        "retryCount": notification.retry_count,
        "outcome": verdict.outcome,
        "statusCode": status,
        "duration": duration,
        **cut,
    }
    line = log.of_request(notification.request_id)
    if not (verdict.accepted and line.gather(**told)):
        line.write(
            "info" if verdict.accepted else "warn",
            f"Attempt over {notification.channel}:"
            f" {'accepted' if verdict.accepted else verdict.code}",
            type="delivery_attempt",
            accepted=verdict.accepted,
            retryable=verdict.retryable,
            code=verdict.code,
            **told,
        )
    return Outcome(verdict, started, duration, status, platform.version.short, truncated, note)


def _printable(text: str) -> str:
    """Return an endpoint's words without what would move a cursor or turn the line round."""
    return _UNPRINTABLE.sub(" ", text).encode("utf-8", "replace").decode()


async def _try(
    notification: Notification,
    config: dict[str, Any] | None,
    platform: Platform,
    policy: EndpointPolicy,
) -> _Tried:
    channel = CHANNELS.get(notification.channel)
    if channel is None:
        return _permanent("UNSUPPORTED_CHANNEL", f"Unsupported channel {notification.channel}")
    if config is None:
        return _permanent("INVALID_CONFIG", "The stored configuration can't be read")
    try:
        requests = channel.compose(
            notification.message,
            {**config, **notification.options},
            policy=policy,
            now_ms=platform.clock.now_ms(),
        )
    except ChannelRefusal as refusal:
        return _permanent(refusal.code, refusal.text)
    except Exception as error:
        text = f"{channel.name} send failed: {type(error).__name__}"
        return _permanent(f"{channel.name.upper()}_ERROR", text)
    return await _call(channel, requests, platform)


async def _call(
    channel: Channel, requests: Sequence[OutboundRequest], platform: Platform
) -> _Tried:
    tried = _permanent("INVALID_CONTENT", "There is nothing to send")
    until = platform.clock.now_ms() + MAX_ATTEMPT_MS
    waiting, note = list(reversed(requests)), ""
    while waiting:
        request = waiting.pop()
        left = until - platform.clock.now_ms()
        try:
            if left <= 0:
                raise OutboundTimeout
            if left < request.timeout_ms:
                request = request._replace(timeout_ms=left)
            answer = await platform.outbound.send(request)
        except OutboundTimeout:
            return _transient("TIMEOUT_ERROR", "Request timeout")
        except OutboundFailure as failure:
            # The runtime's error text may contain the URL, and that a token.
            return _transient("NETWORK_ERROR", f"Network error: {redact(str(failure))}")
        verdict = _judged(channel, answer, platform.clock.now_ms())
        if verdict.unparsed and request.plain is not None:
            note = SENT_PLAIN
            waiting.append(request.plain)
            continue
        truncated = tried.truncated or request.truncated
        tried = _Tried(verdict, answer.status, truncated, note)
        if not verdict.accepted:
            break
    return tried


def _judged(channel: Channel, answer: OutboundAnswer, now_ms: int) -> Verdict:
    """Return the channel's judgement; by the status alone if the channel can't make one."""
    try:
        return channel.judge(answer, now_ms)
    except Exception as error:
        if 200 <= answer.status < 300:
            return Verdict(DELIVERED, details={}, unconfirmed=True)
        text = f"HTTP {answer.status}: its answer can't be judged ({type(error).__name__})"
        return Verdict(BROKEN, text, f"{channel.name.upper()}_ERROR")


def _permanent(code: str, text: str) -> _Tried:
    return _Tried(Verdict(REJECTED, text, code))


def _transient(code: str, text: str) -> _Tried:
    return _Tried(Verdict(BROKEN, text, code))
