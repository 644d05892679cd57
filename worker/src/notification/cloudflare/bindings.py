"""The ports for cache, queues, rate limits, console and clock on Cloudflare's bindings."""

import asyncio
import os
import time
from collections.abc import Sequence
from typing import Any

import js
from notification.cloudflare.js_bridge import JsBridge, from_object, to_object
from notification.compact_json import compact_json
from notification.foreign_json import parse_foreign_json
from notification.ports.platform import QueueError, QueueMessage
from pyodide.ffi import JsException, jsnull


class KvCache:
    """The cache port on a KV namespace."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def get(self, key: str) -> str | None:
        """Return the value, or None."""
        value = await self._binding.get(key)
        return None if value is None or value is jsnull else str(value)

    async def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Store `value` for `ttl_s` seconds."""
        await self._binding.put(key, value, to_object({"expirationTtl": ttl_s}))

    async def delete(self, key: str) -> None:
        """Remove the key."""
        await self._binding.delete(key)

    async def count(self) -> int:
        """Count the keys, following the list's cursor over at most ten pages."""
        counted = 0
        options: dict[str, str] = {}
        for _ in range(10):
            page = from_object(await self._binding.list(to_object(options)))
            counted += len(page["keys"])
            if page["list_complete"]:
                break
            options = {"cursor": page["cursor"]}
        return counted


class CloudflareQueue:
    """The queue port on a producer binding."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        """Send the messages in one call.

        Raises:
            QueueError: the queue did not take them.
        """
        batch = [
            {"body": dict(m.body), "contentType": "json", "delaySeconds": m.delay_s}
            for m in messages
        ]
        try:
            await self._binding.sendBatch(to_object(batch))
        except JsException as error:
            raise QueueError(str(error)) from None


class RawMessage:
    """The incoming-message port on a message of the runtime."""

    __slots__ = ("_raw", "attempts", "body")

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.attempts = int(raw.attempts)
        text = _as_text(raw.body)
        try:
            self.body = parse_foreign_json(text)
        except ValueError:
            self.body = text

    def acknowledge(self) -> None:
        """Settle the message: it is never delivered again."""
        self._raw.ack()

    def retry(self, delay_s: int) -> None:
        """Have it delivered again after `delay_s` seconds."""
        self._raw.retry(to_object({"delaySeconds": delay_s}))


def _as_text(body: Any) -> str:
    """Return a body as JSON or text; what JSON can't say is no message of ours, and is empty."""
    if isinstance(body, str):
        return body
    try:
        text = js.JSON.stringify(body)
    except JsException:
        return ""
    return text if isinstance(text, str) else ""


class AnalyticsDataset:
    """The data points' port on the data set of Workers Analytics Engine that is bound as CALLS."""

    __slots__ = ("_bridge",)

    def __init__(self, bridge: JsBridge) -> None:
        self._bridge = bridge

    def write(self, texts: Sequence[str], numbers: Sequence[float]) -> None:
        """Write one point; the runtime sends it after the answer. What it refuses is lost.

        Texts may have 5,120 bytes in sum and the index 96 (Cloudflare documentation, "Workers
        Analytics Engine, Limits").
        """
        point = {"indexes": [texts[0][:90]], "blobs": texts, "doubles": numbers}
        self._bridge.note("point", compact_json(point))


class RateLimitBinding:
    """The rate-limiter port on a rate-limit binding."""

    __slots__ = ("_binding",)

    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def allows(self, key: str) -> bool:
        """Count one call; a limiter that fails lets the call pass."""
        try:
            outcome = await self._binding.limit(to_object({"key": key}))
        except JsException:
            return True
        return bool(outcome.success)


class ConsoleLogSink:
    """Writes log lines to the console, which the platform collects."""

    __slots__ = ("_bridge",)

    def __init__(self, bridge: JsBridge) -> None:
        self._bridge = bridge

    def write(self, level: str, line: str) -> None:
        """Write one line at the console's level of the same name."""
        self._bridge.note(level, line)


class OffsetClock:
    """The runtime's clock of an invocation, shifted by a fixed number of milliseconds.

    It never goes back. The runtime's own does by some milliseconds where another request settles a
    promise of this one: each request's time stands still between its inputs.
    """

    __slots__ = ("_latest_ms", "_offset_ms")

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset_ms = offset_ms
        self._latest_ms = 0

    def now_ms(self) -> int:
        """Return the milliseconds since the epoch."""
        now_ms = time.time_ns() // 1_000_000 + self._offset_ms
        if now_ms > self._latest_ms:
            self._latest_ms = now_ms
        return self._latest_ms

    async def sleep(self, ms: int) -> None:
        """Wait for `ms` milliseconds of real time."""
        await asyncio.sleep(ms / 1000)


class SystemRandomness:
    """The runtime's cryptographic random numbers, read in advance; each byte is used once."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        if self._at + count > len(self._pool):
            self._pool = os.urandom(max(count, 4096))
            self._at = 0
        self._at += count
        return self._pool[self._at - count : self._at]
