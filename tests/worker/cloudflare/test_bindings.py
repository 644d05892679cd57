"""Cache, queues, limits and console on what the runtime binds."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from notification.ports.platform import QueueError, QueueMessage
from tests.worker.cloudflare.javascript_side import JSNULL, UNDEFINED, JsException, load


@pytest.fixture
def bindings(monkeypatch: pytest.MonkeyPatch) -> Any:
    return load(monkeypatch, "bindings")


class Kv:
    """A namespace; `pages` are what its list returns, one after the other."""

    def __init__(self, *pages: dict[str, Any], value: object = JSNULL) -> None:
        self.pages = list(pages)
        self.value = value
        self.calls: list[tuple[object, ...]] = []

    async def get(self, key: str) -> object:
        return self.value

    async def put(self, key: str, value: str, options: object) -> None:
        self.calls.append((key, value, options))

    async def delete(self, key: str) -> None:
        self.calls.append((key,))

    async def list(self, options: object) -> dict[str, Any]:
        self.calls.append((options,))
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


@pytest.mark.parametrize(("value", "found"), [(JSNULL, None), (None, None), ("", ""), ("x", "x")])
def test_a_missing_key_of_the_cache_is_none(bindings: Any, value: object, found: object) -> None:
    assert asyncio.run(bindings.KvCache(Kv(value=value)).get("k")) == found


def test_a_value_is_stored_for_its_time(bindings: Any) -> None:
    kv = Kv()
    cache = bindings.KvCache(kv)
    asyncio.run(cache.put("k", "v", ttl_s=300))
    asyncio.run(cache.delete("k"))
    assert kv.calls == [("k", "v", {"expirationTtl": 300}), ("k",)]


def page(keys: int, cursor: str = "") -> dict[str, Any]:
    return {"keys": [{}] * keys, "list_complete": not cursor, "cursor": cursor}


def test_keys_are_counted_over_all_pages_and_over_ten_at_most(bindings: Any) -> None:
    kv = Kv(page(1_000, "a"), page(1_000, "b"), page(7))
    assert asyncio.run(bindings.KvCache(kv).count()) == 2_007
    assert kv.calls == [({},), ({"cursor": "a"},), ({"cursor": "b"},)]
    endless = Kv(page(1_000, "again"))
    assert asyncio.run(bindings.KvCache(endless).count()) == 10_000
    assert len(endless.calls) == 10


def test_messages_go_out_in_one_call_and_a_refusal_is_a_queues(bindings: Any) -> None:
    sent: list[object] = []

    async def take(batch: object) -> None:
        sent.append(batch)

    async def refuse(batch: object) -> None:
        raise JsException("Too Many Requests")

    messages = [QueueMessage({"logId": 1}, 5), QueueMessage({"logId": 2})]
    queue = bindings.CloudflareQueue(SimpleNamespace(sendBatch=take))
    asyncio.run(queue.send(messages))
    assert sent == [
        [
            {"body": {"logId": 1}, "contentType": "json", "delaySeconds": 5},
            {"body": {"logId": 2}, "contentType": "json", "delaySeconds": 0},
        ]
    ]
    with pytest.raises(QueueError, match="Too Many Requests"):
        asyncio.run(bindings.CloudflareQueue(SimpleNamespace(sendBatch=refuse)).send(messages))


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"logId": 1}, {"logId": 1}),
        ('{"logId": 1}', {"logId": 1}),
        ("text", "text"),
        ("[" * 100, "[" * 100),
        (UNDEFINED, ""),
        ({1, 2}, ""),
        (b"bytes", ""),
    ],
)
def test_any_message_is_read_and_none_breaks_its_batch(
    bindings: Any, body: object, read: object
) -> None:
    settled: list[object] = []
    raw = SimpleNamespace(
        body=body, attempts=3, ack=lambda: settled.append("ack"), retry=settled.append
    )
    message = bindings.RawMessage(raw)
    assert (message.body, message.attempts) == (read, 3)
    message.acknowledge()
    message.retry(30)
    assert settled == ["ack", {"delaySeconds": 30}]


def test_points_and_lines_go_over_as_notes_of_the_run(bindings: Any) -> None:
    notes: list[tuple[str, str]] = []
    bridge = SimpleNamespace(note=lambda what, text: notes.append((what, text)))
    texts = ["r" * 100, "GET"]
    bindings.AnalyticsDataset(bridge).write(texts, [200, 5])
    bindings.ConsoleLogSink(bridge).write("warn", "a line")
    [(what, point), line] = notes
    assert (what, line) == ("point", ("warn", "a line"))
    # The index of a point may have 96 bytes.
    assert json.loads(point) == {"indexes": ["r" * 90], "blobs": texts, "doubles": [200, 5]}


def test_a_limiter_that_fails_lets_the_call_pass(bindings: Any) -> None:
    def allows(outcome: object) -> bool:
        asked: list[object] = []

        async def limit(options: object) -> object:
            asked.append(options)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        passes = asyncio.run(bindings.RateLimitBinding(SimpleNamespace(limit=limit)).allows("u1"))
        assert asked == [{"key": "u1"}]
        return bool(passes)

    assert allows(SimpleNamespace(success=True))
    assert not allows(SimpleNamespace(success=False))
    assert allows(JsException("internal error"))


def test_random_bytes_are_used_once_whatever_is_asked_for(
    bindings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[bytes] = []

    def urandom(count: int) -> bytes:
        start = sum(map(len, drawn))
        drawn.append(bytes((start + place) % 251 for place in range(count)))
        return drawn[-1]

    monkeypatch.setattr(bindings.os, "urandom", urandom)
    source = bindings.SystemRandomness()
    given = [source.token_bytes(count) for count in (12, 4_000, 84, 5_000, 1)]
    assert [len(part) for part in given] == [12, 4_000, 84, 5_000, 1]
    assert given[0] + given[1] + given[2] == drawn[0]
    assert given[3] == drawn[1]
    assert given[4] == drawn[2][:1]


@pytest.mark.parametrize("count", [1, 2, 4_096, 4_097])
def test_the_first_random_bytes_are_as_many_as_are_asked_for(bindings: Any, count: int) -> None:
    assert len(bindings.SystemRandomness().token_bytes(count)) == count


def test_the_clock_is_the_runtimes_moved_by_its_offset(
    bindings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = SimpleNamespace(time_ns=lambda: 1_767_225_600_123_999_999)
    monkeypatch.setattr(bindings, "time", now)
    assert bindings.OffsetClock().now_ms() == 1_767_225_600_123
    assert bindings.OffsetClock(-23).now_ms() == 1_767_225_600_100


def test_the_clock_of_an_invocation_never_goes_back(
    bindings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([5_000_000, 6_000_000, 1_000_000, 6_000_000, 7_000_000, 2_000_000])
    monkeypatch.setattr(bindings, "time", SimpleNamespace(time_ns=lambda: next(times)))
    clock = bindings.OffsetClock(10)
    assert [clock.now_ms() for _ in range(5)] == [15, 16, 16, 16, 17]
    assert bindings.OffsetClock(10).now_ms() == 12


def test_the_clock_is_shifted_and_waits_in_milliseconds(
    bindings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    # Of this module alone: servers in threads of this process wait and tell the time as well.
    monkeypatch.setattr(bindings, "asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(bindings, "time", SimpleNamespace(time_ns=lambda: 1_234_567_890))
    clock = bindings.OffsetClock(1_000)
    assert (clock.now_ms(), bindings.OffsetClock().now_ms()) == (2_234, 1_234)
    asyncio.run(clock.sleep(1_500))
    assert waits == [1.5]
