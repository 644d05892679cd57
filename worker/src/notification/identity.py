"""Ids of requests, recipients, messages and rows, and the keys of sends that are repeated."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from notification.errors import ServiceError
from notification.ports.platform import Randomness

EPOCH_MS = 1_704_067_200_000
"""2024-01-01T00:00:00Z: row ids count milliseconds from here and fit 53 bits until 2093."""

IDS_PER_MS = 4096
MAX_SHARDS = 8
"""Databases over which users may be spread."""
IDS_PER_SHARD = IDS_PER_MS // MAX_SHARDS
"""Ids of a millisecond in one of several databases: the lowest bits name the database."""
MAX_USER_ID = 100
"""Characters of a recipient's id."""
# What Python and ECMAScript take for white space, and the byte order mark.
_OUTER = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f\x85 \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
MAX_KEY = 255
"""Characters of an idempotency key."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TIME_BITS = (1 << 48) - 1
_REQUEST_ID = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_MESSAGE_ID = re.compile(r"ntf_([0-9]{13})_[a-z]{1,32}_([0-9a-f]{12})")


def new_request_id(now_ms: int, randomness: Randomness) -> str:
    """Return a UUID of version 4's form whose first 48 bits are the milliseconds since the epoch.

    The time lets a request's notifications be found by the primary key. 74 random bits are left, as
    in version 7 (RFC 9562, section 5.7).
    """
    time, digits = f"{now_ms & _TIME_BITS:012x}", randomness.token_bytes(10).hex()
    variant = "89ab"[int(digits[3], 16) & 3]
    return f"{time[:8]}-{time[8:]}-4{digits[:3]}-{variant}{digits[4:7]}-{digits[7:19]}"


def moment_of_request(request_id: str) -> int | None:
    """Return when a request came whose id we made, in milliseconds; None for ids of another form.

    An id that a caller made in this form means another time, if any.
    """
    match = _REQUEST_ID.fullmatch(request_id)
    return None if match is None else int(match[1] + match[2], 16)


class MessageKey(NamedTuple):
    """A notification's row id, and the message id that contains it."""

    row_id: int
    message_id: str


def first_row_id(moment_ms: int) -> int:
    """Return the lowest row id of a notification that was accepted at `moment_ms` or later."""
    return (moment_ms - EPOCH_MS) * IDS_PER_MS


def moment_of(row_id: int) -> int:
    """Return when the notification with this row id was accepted, in milliseconds.

    >>> moment_of(4106)
    1704067200001
    """
    return EPOCH_MS + row_id // IDS_PER_MS


def row_id_of(message_id: str) -> int | None:
    """Return the row id that a message id contains; None for ids of another form.

    >>> row_id_of("ntf_1704067200001_webhook_00a000000000")
    4106
    """
    match = _MESSAGE_ID.fullmatch(message_id)
    if match is None:
        return None
    return first_row_id(int(match[1])) + int(match[2][:3], 16)


def new_row_id(now_ms: int, shard: int, randomness: Randomness) -> int:
    """Return a new id for a row in one of several databases: no other one ever gives it.

    Rows keep their ids when they are moved. Within a database a second row may get the same id (1
    in 512 within a millisecond), which that database refuses.
    """
    slot = int.from_bytes(randomness.token_bytes(2), "big") % IDS_PER_SHARD
    return first_row_id(now_ms) + slot * MAX_SHARDS + shard


def new_keys(
    now_ms: int, channels: Sequence[str], randomness: Randomness, shard: int | None = None
) -> list[MessageKey]:
    """Return one new key per channel: `ntf_<ms>_<channel>_<12 hex>`.

    The keys of one call never collide. Those of two calls within a millisecond may (1 in 4096): the
    database refuses the second call, which then takes new keys.

    Args:
        now_ms: the time.
        channels: the channels.
        randomness: the source of the ids.
        shard: which of several databases the rows are written to, so that no two databases give
            the same id; None where there is one. Keys beyond 512 take the next millisecond.
    """
    first = int.from_bytes(randomness.token_bytes(2), "big")
    request_ms, keys = now_ms, []
    for offset, channel in enumerate(channels):
        slot = (first + offset) % IDS_PER_MS
        if shard is not None:
            slot = (first + offset) % IDS_PER_SHARD * MAX_SHARDS + shard
            now_ms = request_ms + offset // IDS_PER_SHARD
        tail = randomness.token_bytes(5).hex()[:9]
        base = channel.partition(":")[0]
        message_id = f"ntf_{now_ms:013d}_{base}_{slot:03x}{tail}"
        keys.append(MessageKey(first_row_id(now_ms) + slot, message_id))
    return keys


def fold_recipient(text: str) -> str:
    r"""Return the one spelling of a recipient's id, without control characters and outer spaces.

    Every place that stores, finds or counts a recipient takes this spelling, so that no other way
    of writing an id is another recipient or has a limit of its own.

    >>> fold_recipient("\ufeff rl \x00")
    'rl'
    """
    return _CONTROL.sub("", text).strip(_OUTER)


def recipient_id(value: Any) -> str:
    """Return the recipient that a caller names.

    An id that is too long is refused, never cut: a cut id is somebody else's.

    Raises:
        ServiceError: INVALID_USER_ID, or SECURITY_THREAT_DETECTED for control characters inside.
    """
    if not isinstance(value, str) or not value:
        raise ServiceError("INVALID_USER_ID", "user_id is required and must be a string")
    folded = fold_recipient(value)
    if not folded:
        raise ServiceError("INVALID_USER_ID", "user_id cannot be empty after sanitization")
    if len(folded) > MAX_USER_ID:
        raise ServiceError("INVALID_USER_ID", f"user_id must not exceed {MAX_USER_ID} characters")
    if _CONTROL.search(value.strip(_OUTER)):
        raise ServiceError("SECURITY_THREAT_DETECTED", "user_id must not hold control characters")
    return folded


def check_key(key: str, name: str) -> str:
    """Return an idempotency key if it can be one, whichever door it came through.

    Args:
        key: the key.
        name: the field, header or query parameter that holds it.

    Raises:
        ServiceError: INVALID_IDEMPOTENCY_KEY, or SECURITY_THREAT_DETECTED for control characters.
    """
    if not 1 <= len(key) <= MAX_KEY:
        raise ServiceError("INVALID_IDEMPOTENCY_KEY", f"{name} must be 1 to {MAX_KEY} characters")
    if _CONTROL.search(key):
        raise ServiceError("SECURITY_THREAT_DETECTED", f"{name} must not hold control characters")
    return key
