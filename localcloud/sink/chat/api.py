"""What every provider's API has: it takes a call and answers as the provider does."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from localcloud.json_text import parse_json


@dataclass(frozen=True)
class ChatCall:
    """A call as it arrived.

    Attributes:
        path: path of the URL, without its query.
        body: the request's body.
        now_ms: milliseconds since the epoch, on the clock of whoever runs the API.
        query: query of the URL, without its question mark.
    """

    path: str
    body: bytes
    now_ms: int
    query: str = ""


@dataclass(frozen=True)
class ChatAnswer:
    """An answer.

    Attributes:
        status: HTTP status.
        body: the body's text.
        headers: headers beside the content type.
        is_json: whether the body is JSON; Slack's webhooks answer plain text.
        accepted: whether a person will see the message; the status alone doesn't say so.
    """

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    is_json: bool = True
    accepted: bool = False


class ChatApi(Protocol):
    """One provider.

    Attributes:
        name: the channel's name.
        hook: path and query of a webhook of a recipient, with `{user}` for its name; empty where
            a configuration holds no URL of the provider's.
    """

    name: str
    hook: str

    def serves(self, path: str) -> bool:
        """Say whether a path is one of this provider's."""
        ...

    def receive(self, call: ChatCall) -> ChatAnswer:
        """Take one call."""
        ...

    def failure(self, code: str) -> ChatAnswer | None:
        """Return the documented error of a code; ``None`` for a code that the provider lacks."""
        ...


class Quota:
    """At most so many calls in any span of time, for each key.

    Args:
        calls: calls that are let through.
        seconds: length of the span.
    """

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls = calls
        self._span_ms = round(seconds * 1000)
        self._taken: dict[str, deque[int]] = {}

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Return how long the next call of a key has to wait; 0 where it may go now."""
        taken = self._taken.setdefault(key, deque())
        while taken and taken[0] <= now_ms - self._span_ms:
            taken.popleft()
        return 0 if len(taken) < self._calls else taken[0] + self._span_ms - now_ms

    def take(self, key: str, now_ms: int) -> None:
        """Count a call that was let through."""
        self._taken.setdefault(key, deque()).append(now_ms)


class Bucket:
    """A pace with short bursts, for each key: a call takes a token, tokens come back in time.

    Args:
        per_second: tokens that come back in a second.
        burst: tokens that a bucket holds.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_ms = per_second / 1000
        self._burst = burst
        self._levels: dict[str, tuple[float, int]] = {}

    def wait_ms(self, key: str, now_ms: int) -> int:
        """Return how long the next call of a key has to wait; 0 where it may go now."""
        level = self._level(key, now_ms)
        return 0 if level >= 1 else -int(-(1 - level) // self._per_ms)

    def take(self, key: str, now_ms: int) -> None:
        """Count a call that was let through."""
        self._levels[key] = (self._level(key, now_ms) - 1, now_ms)

    def _level(self, key: str, now_ms: int) -> float:
        level, at_ms = self._levels.get(key, (float(self._burst), now_ms))
        return min(float(self._burst), level + (now_ms - at_ms) * self._per_ms)


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return a body's JSON object, or ``None`` where it is something else."""
    try:
        document = parse_json(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None
