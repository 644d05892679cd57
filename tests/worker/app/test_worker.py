"""The Worker's three events, with the runtime played: what is bound, and what the ports become."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from notification.errors import ServiceError
from notification.ports.database import DatabaseError, Statement
from notification.ports.platform import QueueError, QueueMessage
from tests.worker.caller import signature
from tests.worker.cloudflare.javascript_side import JSNULL, JavaScriptSide, JsException, load
from tests.worker.sqlite_database import SqliteDatabase
from tests.worker.surroundings import START_MS
from tests.worker.world import ENDPOINT, default_environment

NOW_MS = START_MS + 123


class Context:
    """An event's context: the promises that keep it."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self.waitUntil = self.kept.append


class Subtle:
    """Web Crypto's AES-GCM, which counts the keys that it imports."""

    def __init__(self) -> None:
        self.imported: list[tuple[object, ...]] = []

    async def importKey(  # noqa: N802 - JavaScript's name
        self, form: str, key: bytes, name: str, extractable: bool, uses: list[str]
    ) -> AESGCM:
        self.imported.append((form, name, extractable, *uses))
        return AESGCM(key)

    async def encrypt(self, told: dict[str, Any], key: AESGCM, text: bytes) -> Any:
        assert told["name"] == "AES-GCM"
        sealed = key.encrypt(told["iv"], text, told["additionalData"])
        return SimpleNamespace(to_bytes=lambda: memoryview(sealed))

    async def decrypt(self, told: dict[str, Any], key: AESGCM, sealed: bytes) -> Any:
        assert told["name"] == "AES-GCM"
        try:
            text = key.decrypt(told["iv"], sealed, told["additionalData"])
        except InvalidTag:
            raise JsException("OperationError") from None
        return SimpleNamespace(to_bytes=lambda: memoryview(text))


class Queue:
    """A producer's binding."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def sendBatch(self, batch: list[Any]) -> None:  # noqa: N802 - JavaScript's name
        self.sent += batch


class Limiter:
    """A rate limit's binding that lets nothing pass."""

    async def limit(self, options: dict[str, str]) -> Any:
        return SimpleNamespace(success=False, **options)


class Kv:
    """A namespace with nothing in it."""

    async def get(self, key: str) -> object:
        return JSNULL

    async def put(self, key: str, value: str, options: object) -> None:
        """Forget it."""

    async def list(self, options: object) -> Any:
        return {"keys": [], "list_complete": True}


class Runtime(JavaScriptSide):
    """The runtime around one isolate: its databases are SQLite's, endpoints take everything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **bindings: object) -> None:
        super().__init__(self._do)
        self.databases: dict[str, SqliteDatabase] = {}
        self.prepared: list[str] = []
        self.called: list[list[Any]] = []
        self.imported: list[str] = []
        self.environment = SimpleNamespace(**bindings)
        self.subtle = Subtle()
        self.on_import: Callable[[], None] = lambda: None
        self.module = load(
            monkeypatch, "app.worker", import_from_javascript=self._import_from_javascript
        )
        crypto = SimpleNamespace(subtle=self.subtle)
        self.module.js.globalThis = SimpleNamespace(crypto=crypto)
        clock = SimpleNamespace(time_ns=lambda: NOW_MS * 1_000_000)
        monkeypatch.setattr("notification.cloudflare.bindings.time", clock)

    def _import_from_javascript(self, name: str) -> Any:
        self.imported.append(name)
        if name == "cloudflare:workers":
            return SimpleNamespace(env=self.environment)
        assert name == "notification/cloudflare/js_bridge.js"
        self.on_import()
        return self

    def isolate(self) -> Any:
        return self.module.Isolate(self)

    def platform(self) -> Any:
        return self.isolate().platform(Context(), None)

    async def now(self) -> int:
        return START_MS + 86_400_000

    def prepare(self, sql: str, database: str) -> int:
        self.prepared.append(sql)
        return len(self.prepared) - 1

    async def _do(self, text: str) -> str:
        kind, _, rest = text.partition(" ")
        if kind == "call":
            self.called.append(json.loads(rest))
            return json.dumps([200, {}, "ok", True])
        name, _, document = rest.partition(" ")
        database = self.databases.setdefault(name, SqliteDatabase())
        named = [
            (self.prepared[k] if isinstance(k, int) else k, p) for k, *p in json.loads(document)
        ]
        try:
            results = await database.batch([Statement(sql, tuple(p)) for sql, p in named])
        except DatabaseError as error:
            return json.dumps(str(error))
        return json.dumps([[*result] for result in results])


BINDINGS: dict[str, Any] = {
    "DB": object(),
    "CONFIG_CACHE": Kv(),
    "RETRY_QUEUE": Queue(),
    "FAILED_QUEUE": Queue(),
    "RATE_LIMIT_ADDRESS": Limiter(),
    "RATE_LIMIT_RECIPIENT": Limiter(),
    "CALLS": object(),
    "CF_VERSION_METADATA": {"id": "v-1", "tag": "t-1", "timestamp": "2026-01-01T00:00:00Z"},
}


def test_each_port_is_on_its_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    queues = {name: Queue() for name in ("RETRY_QUEUE", "FAILED_QUEUE")}
    runtime = Runtime(monkeypatch, **BINDINGS | queues, ENVIRONMENT="staging", LOG_LEVEL="warn")
    platform = runtime.platform()
    assert platform.bound == BINDINGS.keys()
    assert (platform.settings.environment, platform.settings.log_level) == ("staging", "warn")
    assert tuple(platform.version) == ("v-1", "t-1", "2026-01-01T00:00:00Z")
    assert (platform.databases, platform.is_sharded) == ((), False)

    async def use() -> None:
        assert await platform.cache.count() == 0
        await platform.retry_queue.send([QueueMessage({"n": 1})])
        await platform.failed_queue.send([QueueMessage({"n": 2})])
        assert not await platform.address_limiter.allows("a")
        assert not await platform.recipient_limiter.allows("r")
        [found] = await platform.database.batch([Statement("SELECT 1 AS one", ())])
        assert found.rows == [{"one": 1}]

    asyncio.run(use())
    assert [queue.sent[0]["body"] for queue in queues.values()] == [{"n": 1}, {"n": 2}]
    platform.calls.write(["route"], [1])
    platform.log_sink.write("warn", "a line")
    assert [note.split()[0] for note in runtime.notes] == ["point", "warn"]
    assert len(platform.randomness.token_bytes(16)) == 16


@pytest.mark.parametrize("absent", [None, JSNULL])
def test_what_is_not_bound_says_so_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch, absent: object
) -> None:
    platform = Runtime(monkeypatch, **dict.fromkeys(BINDINGS, absent)).platform()
    assert platform.bound == frozenset()
    assert (platform.address_limiter, platform.recipient_limiter, platform.calls) == (None,) * 3
    assert tuple(platform.version) == ("", "", "")

    async def refusal(work: Any) -> tuple[str, str]:
        try:
            await work
        except ServiceError as error:
            return error.code, error.text
        except QueueError as error:
            return "QueueError", str(error)
        return "", "nothing was raised"

    async def refusals() -> list[tuple[str, str]]:
        cache = platform.cache
        return [
            await refusal(work)
            for work in (
                platform.database.batch([Statement("SELECT 1", ())]),
                cache.get("k"),
                cache.put("k", "v", ttl_s=60),
                cache.delete("k"),
                cache.count(),
                platform.retry_queue.send([]),
                platform.failed_queue.send([]),
            )
        ]

    assert asyncio.run(refusals()) == [
        ("D1_NOT_BOUND", "D1 database not bound"),
        *[("KV_NOT_BOUND", "KV namespace not bound")] * 4,
        ("QueueError", "RETRY_QUEUE is not bound"),
        ("QueueError", "FAILED_QUEUE is not bound"),
    ]


def test_a_version_without_a_tag_has_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"id": "v-2", "tag": None}
    platform = Runtime(monkeypatch, CF_VERSION_METADATA=told).platform()
    assert tuple(platform.version) == ("v-2", "", "")


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (["DB"], 0),
        (["DB", "DB_1"], 2),
        # What follows a gap belongs to no placement.
        (["DB", "DB_1", "DB_3"], 2),
        (["DB", *(f"DB_{shard}" for shard in range(1, 8))], 8),
        (["DB", *(f"DB_{shard}" for shard in range(1, 10))], 8),
    ],
)
def test_databases_are_those_that_are_bound_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, names: list[str], count: int
) -> None:
    runtime = Runtime(monkeypatch, **{name: object() for name in names})
    platform = runtime.platform()
    assert len(platform.databases) == count

    async def ask_all() -> None:
        for database in platform.databases or [platform.database]:
            await database.batch([Statement("SELECT 1", ())])

    asyncio.run(ask_all())
    assert list(runtime.databases) == names[: max(count, 1)]


def test_the_time_is_the_runtimes_or_that_of_a_clock_which_tests_move(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def now_ms(**bindings: object) -> int:
        isolate = Runtime(monkeypatch, **bindings).isolate()
        platform = asyncio.run(isolate.event_platform(Context()))
        return int(platform.clock.now_ms())

    assert now_ms() == NOW_MS
    assert now_ms(TEST_CLOCK=object()) == START_MS + 86_400_000
    isolate = Runtime(monkeypatch).isolate()
    assert isolate.platform(Context(), 0).clock.now_ms() == 0
    assert isolate.platform(Context(), START_MS - 5).clock.now_ms() == START_MS - 5


def test_work_that_is_kept_alive_holds_its_event_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    isolate, context = Runtime(monkeypatch).isolate(), Context()

    async def scene() -> None:
        platform = isolate.platform(context, None)
        end = asyncio.Event()
        task = platform.keep_alive(end.wait())
        await asyncio.sleep(0)
        [promise] = context.kept
        assert not promise.done()
        end.set()
        assert await task
        await promise

    asyncio.run(asyncio.wait_for(scene(), 30))


@pytest.mark.parametrize("fails", [False, True])
def test_outside_a_run_work_holds_its_event_until_it_has_ended(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    runtime, context = Runtime(monkeypatch), Context()
    platform = runtime.isolate().platform(context, None)
    seen = []

    async def work() -> str:
        await asyncio.sleep(0)
        seen.append([promise.done() for promise in context.kept])
        if fails:
            raise ValueError("as it must")
        return "done"

    async def scene() -> None:
        if fails:
            with pytest.raises(ValueError, match="as it must"):
                await platform.run_to_completion(work())
        else:
            assert await platform.run_to_completion(work()) == "done"
        seen.append([promise.done() for promise in context.kept])

    asyncio.run(scene())
    assert (seen, runtime.notes) == ([[False], [True]], [])


@pytest.mark.parametrize("driven", [False, True])
def test_parts_are_gathered_by_whoever_drives_the_event(
    monkeypatch: pytest.MonkeyPatch, driven: bool
) -> None:
    runtime = Runtime(monkeypatch)
    isolate = runtime.isolate()
    platform = isolate.platform(Context(), None)
    crossed = []

    async def part(number: int) -> int:
        crossed.append(isolate.bridge.driving)
        return number

    async def gathered() -> str:
        found = [results async for results in platform.gathered([part(1), part(2)], 10)]
        return f"respond {sorted(chain.from_iterable(found))}"

    async def scene() -> str:
        if driven:
            return str(await isolate.bridge.run(lambda _: gathered(), ""))
        return await gathered()

    assert asyncio.run(asyncio.wait_for(scene(), 30)) == "respond [1, 2]"
    assert crossed == [driven, driven]


def test_nothing_is_read_before_the_first_event_and_once_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = Runtime(monkeypatch)
    worker = runtime.module.Worker()
    assert runtime.imported == []

    async def scene() -> None:
        batch = SimpleNamespace(queue="unknown", messages=[])
        await worker.queue(batch, Context())
        await worker.queue(batch, Context())

    asyncio.run(scene())
    assert runtime.imported == ["notification/cloudflare/js_bridge.js", "cloudflare:workers"]


def test_an_event_that_comes_while_the_module_is_imported_makes_the_only_isolate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime = Runtime(monkeypatch)
    worker = runtime.module.Worker()
    meanwhile: list[Any] = []

    def come() -> None:
        if not meanwhile:
            meanwhile.append(None)
            meanwhile[0] = worker._ready()

    runtime.on_import = come
    assert worker._ready() is meanwhile[0]
    assert runtime.imported.count("cloudflare:workers") == 1


def request(method: str, target: str, document: object = None) -> str:
    """Return a request as `js_bridge.js` describes it."""
    content = b"" if document is None else json.dumps(document).encode()
    headers = {"cf-connecting-ip": "203.0.113.9", "content-length": str(len(content))}
    headers |= signature(method, target, content, now_ms=NOW_MS)
    head = json.dumps([method, f"https://service.example.com{target}", headers, None])
    return head if document is None else f"{head}\n{content.decode()}"


def test_a_request_is_served_through_all_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    bindings: dict[str, Any] = BINDINGS | {
        "RATE_LIMIT_ADDRESS": None,
        "RATE_LIMIT_RECIPIENT": None,
    }
    runtime = Runtime(monkeypatch, **bindings, **default_environment())
    worker = runtime.module.Worker()
    config = {
        "user_id": "u1",
        "channel_type": "webhook",
        "config_data": {"webhook_url": ENDPOINT},
    }
    notification = {
        "user_id": "u1",
        "channels": ["webhook"],
        "custom_content": {"subject": "Hi", "content": "Shipped"},
    }

    async def scene() -> list[str]:
        return [
            await worker.fetch(request("POST", path, document), Context())
            for path, document in (
                ("/api/user-configs", config),
                ("/api/notifications/send", notification),
            )
        ]

    saved, sent = asyncio.run(asyncio.wait_for(scene(), 30))
    assert json.loads(saved.split("\n", 2)[2])["success"] is True
    [result] = json.loads(sent.split("\n", 2)[2])["results"]
    assert result["status"] == "sent"
    [[method, url, *_]] = runtime.called
    assert (method, url) == ("POST", ENDPOINT)
    [row] = runtime.databases["DB"].rows("SELECT config_data FROM user_configs")
    assert ENDPOINT not in str(row["config_data"])
    # The client may hang up: the send goes on.
    assert [note for note in runtime.notes if note.startswith("hold")] == ["hold "]
    # Imported once for all requests, and never to be read back.
    assert runtime.subtle.imported == [("raw", "AES-GCM", False, "encrypt", "decrypt")]


def test_a_ciphertext_of_another_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(monkeypatch)
    aead, key, nonce = runtime.isolate().aead, bytes(32), bytes(12)

    async def scene() -> None:
        sealed = await aead.seal(key, nonce, b"text", b"place")
        assert sealed == AESGCM(key).encrypt(nonce, b"text", b"place")
        assert await aead.open(key, nonce, sealed, b"place") == b"text"
        with pytest.raises(ValueError, match="does not belong to this key and place"):
            await aead.open(key, nonce, sealed, b"elsewhere")
        await aead.seal(bytes(31) + b"1", nonce, b"text", b"place")

    asyncio.run(scene())
    assert len(runtime.subtle.imported) == 2


def test_a_batch_goes_to_the_consumer_of_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(monkeypatch, **BINDINGS, **default_environment())
    settled: list[object] = []

    def message(body: object) -> SimpleNamespace:
        return SimpleNamespace(
            body=body, attempts=1, ack=lambda: settled.append("ack"), retry=settled.append
        )

    async def scene() -> None:
        worker = runtime.module.Worker()
        for queue in ("retry-queue", "who-knows"):
            batch = SimpleNamespace(queue=queue, messages=[message({"logId": 1}), message("x")])
            await worker.queue(batch, Context())

    asyncio.run(asyncio.wait_for(scene(), 30))
    assert settled == ["ack", "ack", {"delaySeconds": 30}, {"delaySeconds": 30}]


def test_the_cron_runs_and_a_failure_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = Runtime(monkeypatch, **BINDINGS, **default_environment())
    worker = runtime.module.Worker()
    asyncio.run(asyncio.wait_for(worker.scheduled(Context()), 30))
    [row] = runtime.databases["DB"].rows(
        "SELECT last_run_at FROM scheduled_tasks WHERE task_name = 'cron'"
    )
    assert row == {"last_run_at": "2026-01-01T00:00:00.123Z"}
    unbound = Runtime(monkeypatch, **default_environment())
    with pytest.raises(ServiceError, match="D1 database not bound"):
        asyncio.run(asyncio.wait_for(unbound.module.Worker().scheduled(Context()), 30))
