"""The service with everything around it replaced: database, clock, queues, endpoints."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from notification.configuration.known_configs import KnownConfigs
from notification.delivery.dispatch import dispatch
from notification.delivery.endpoint_pace import EndpointPaces
from notification.http.application import Application
from notification.journal import Log
from notification.metrics.isolate_counters import IsolateCounters
from notification.ports.outbound import OutboundAnswer, OutboundRequest, OutboundTimeout
from notification.ports.platform import (
    Platform,
    QueueError,
    QueueMessage,
    RateLimiter,
    VersionMetadata,
)
from notification.recollection import Recollection
from notification.settings import Settings
from notification.storage.metered import MeteredDatabase
from notification.tasks.cron import run_cron
from notification.templates.stored_template import StoredTemplate
from tests.worker.openapi.conformity import check_accepted_body, check_answer, check_query
from tests.worker.openapi.watched_request import WatchedRequest
from tests.worker.sqlite_database import SqliteDatabase

T = TypeVar("T")
START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
API_KEY = "an-api-secret-of-forty-characters-or-so!"
ENDPOINT = "https://hooks.example.com/in"
BOUND = frozenset({"DB", "CONFIG_CACHE", "RETRY_QUEUE", "FAILED_QUEUE"})


class VirtualClock:
    """Stands still until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms

    async def sleep(self, ms: int) -> None:
        self.ms += ms
        await asyncio.sleep(0)


class SeededRandomness:
    """The same in every run of a test."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - tests must be repeatable

    def token_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class PythonAead:
    """AES-GCM of the library `cryptography`."""

    async def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        return AESGCM(key).encrypt(nonce, plaintext, aad)

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        try:
            return AESGCM(key).decrypt(nonce, sealed, aad)
        except InvalidTag:
            raise ValueError("does not belong") from None


class MemoryCache:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.values.get(key)

    async def put(self, key: str, value: str, *, ttl_s: int) -> None:
        self.values[key] = value

    async def delete(self, key: str) -> None:
        self.values.pop(key, None)

    async def count(self) -> int:
        return len(self.values)


@dataclass
class Waiting:
    """A message on a queue, not to be delivered before `due_ms`."""

    body: Any
    due_ms: int
    attempts: int = 1


class MemoryQueue:
    """Attributes: `waiting`, and `down`, which makes `send` fail."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.waiting: list[Waiting] = []
        self.down = False

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        if self.down:
            raise QueueError("the queue is down")
        for message in messages:
            body = json.loads(json.dumps(dict(message.body)))
            self.waiting.append(Waiting(body, self._clock.ms + message.delay_s * 1000))

    def take_due(self, most: int = 10) -> list[Waiting]:
        due = [w for w in self.waiting if w.due_ms <= self._clock.ms][:most]
        for waiting in due:
            self.waiting.remove(waiting)
        return due


class Delivered:
    """A message in a consumer's hands, and what became of it."""

    def __init__(self, waiting: Waiting) -> None:
        self.body = waiting.body
        self.attempts = waiting.attempts
        self.outcome: str | int | None = None

    def acknowledge(self) -> None:
        assert self.outcome is None
        self.outcome = "acknowledged"

    def retry(self, delay_s: int) -> None:
        assert self.outcome is None
        self.outcome = delay_s


Behaviour = Callable[[OutboundRequest], OutboundAnswer | Exception]


def answer(status: int = 200, body: str = '{"ok":true}', **headers: str) -> OutboundAnswer:
    """An endpoint's answer; `retry_after="5"` becomes the header `retry-after`."""
    return OutboundAnswer(status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


class Endpoints:
    """Every endpoint at once.

    Attributes:
        received: all calls in order, with the time at which they arrived.
        behave: what they answer; 200 unless a test says otherwise.
        takes_ms: how long an answer takes.
        gate: what every call waits for, where there is one.
        reached: set by the first call.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.received: list[tuple[int, OutboundRequest]] = []
        self.behave: Behaviour = lambda request: answer()
        self.takes_ms = 0
        self.gate: asyncio.Event | None = None
        self.reached = asyncio.Event()

    async def send(self, request: OutboundRequest) -> OutboundAnswer:
        self.received.append((self._clock.ms, request))
        self.reached.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.takes_ms > request.timeout_ms:
            await self._clock.sleep(request.timeout_ms)
            raise OutboundTimeout
        await self._clock.sleep(self.takes_ms)
        result = self.behave(request)
        if isinstance(result, Exception):
            raise result
        return result

    @property
    def bodies(self) -> list[Any]:
        """The calls' parsed bodies."""
        return [json.loads(request.body) for _, request in self.received]


class MemoryJournal:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def write(self, level: str, line: str) -> None:
        self.lines.append(json.loads(line))

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one type."""
        return [line for line in self.lines if line.get("type") == kind]


class CountingLimiter:
    """Lets `most` calls per key pass."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts: dict[str, int] = {}

    async def allows(self, key: str) -> bool:
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key] <= self.most


@dataclass(frozen=True)
class Answer:
    """What the service answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The error code."""
        return str(self.json["code"])


def default_environment() -> dict[str, str]:
    """The settings of a strict deployment."""
    return {
        "ENVIRONMENT": "production",
        "SERVICE_VERSION": "9.8.7",
        "API_SECRET_KEY": API_KEY,
        "ENCRYPT_KEY": "0123456789abcdef0123456789abcdef",
        "RETRY_QUEUE_NAME": "retry-queue",
        "FAILED_QUEUE_NAME": "failed-queue",
        "LOG_LEVEL": "debug",
    }


@dataclass
class World:
    """One installation. Change an attribute before the next call to change the surroundings."""

    environment: dict[str, str] = field(default_factory=default_environment)
    address_limiter: RateLimiter | None = None
    recipient_limiter: RateLimiter | None = None
    bound: frozenset[str] = BOUND
    checks_accepted_bodies: bool = True
    """Whether a body that is taken must have documented fields only."""

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.database: Any = SqliteDatabase()
        self.cache: Any = MemoryCache()
        self.retry_queue = MemoryQueue(self.clock)
        self.failed_queue = MemoryQueue(self.clock)
        self.endpoints = Endpoints(self.clock)
        self.journal = MemoryJournal()
        self.randomness = SeededRandomness()
        self.known_configs = KnownConfigs()
        self.known_templates: Recollection[str, StoredTemplate] = Recollection()
        self.known_endpoints = EndpointPaces()
        self.counters = IsolateCounters()
        self.kept_alive: list[asyncio.Task[Any]] = []
        self.application = Application()

    def platform(self) -> Platform:
        """The ports of one invocation."""

        def keep_alive(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
            task = asyncio.ensure_future(work)
            self.kept_alive.append(task)
            return task

        return Platform(
            settings=Settings.read(self.environment),
            database=MeteredDatabase(self.database),
            cache=self.cache,
            retry_queue=self.retry_queue,
            failed_queue=self.failed_queue,
            outbound=self.endpoints,
            aead=PythonAead(),
            clock=self.clock,
            randomness=self.randomness,
            journal=self.journal,
            version=VersionMetadata("version-1", "tag-1", ""),
            bound=self.bound,
            address_limiter=self.address_limiter,
            recipient_limiter=self.recipient_limiter,
            known_configs=self.known_configs,
            known_templates=self.known_templates,
            known_endpoints=self.known_endpoints,
            counters=self.counters,
            keep_alive=keep_alive,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, with everything that it keeps alive."""

        async def whole() -> T:
            try:
                return await work
            finally:
                await asyncio.gather(*self.kept_alive, return_exceptions=True)
                self.kept_alive.clear()

        return asyncio.run(whole())

    def request(self, method: str, target: str, body: Any = None, **options: Any) -> Answer:
        """One signed request; see `answer_to` for the options."""
        return self.run(self.answer_to(method, target, body, **options))

    async def answer_to(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        signed: bool = True,
        headers: dict[str, str] | None = None,
        address: str = "203.0.113.9",
        key: str = API_KEY,
        version: int = 1,
    ) -> Answer:
        """The service's answer. `body` becomes JSON; `raw` is sent as it is."""
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        sent = {"cf-connecting-ip": address, "content-length": str(len(content))}
        if signed:
            sent |= signature(
                method, target, content, now_ms=self.clock.ms, key=key, version=version
            )
        sent |= {name.lower(): value for name, value in (headers or {}).items()}

        async def read(limit: int) -> bytes:
            return content[: limit + 1]

        request = WatchedRequest(
            method=method, host="service.example.com", target=target, headers=sent, read=read
        )
        response = await self.application.answer(request, self.platform())
        kind = response.headers.get("Content-Type", "")
        check_answer(method, target, response.status, kind, response.body)
        check_query(method, request.path, request.read_names)
        if self.checks_accepted_bodies:
            check_accepted_body(method, request.path, response.status, content)
        return Answer(response.status, response.headers, response.body)

    def configure(
        self, user_id: str = "u1", channel: str = "webhook", **config: Any
    ) -> dict[str, Any]:
        """Save a configuration; its row as the API shows it."""
        document = {
            "user_id": user_id,
            "channel_type": channel,
            "config_data": config or {"webhook_url": ENDPOINT},
        }
        saved = self.request("POST", "/api/user-configs", document)
        assert saved.status in (200, 201), saved.text
        row: dict[str, Any] = saved.json["data"]
        return row

    def send(
        self, user_id: str = "u1", channels: Sequence[str] = ("webhook",), **more: Any
    ) -> Answer:
        """Send a short text."""
        document = {
            "user_id": user_id,
            "channels": list(channels),
            "custom_content": {"subject": "Hi", "content": "Shipped"},
            **more,
        }
        return self.request("POST", "/api/notifications/send", document)

    def deliver_queues(self) -> list[Delivered]:
        """Hand every due message of both queues to its consumer; retried ones wait again."""
        handled: list[Delivered] = []
        for name, queue in (("retry-queue", self.retry_queue), ("failed-queue", self.failed_queue)):
            while due := queue.take_due():
                batch = [Delivered(waiting) for waiting in due]
                self.consume(name, batch)
                for waiting, delivered in zip(due, batch, strict=True):
                    if isinstance(delivered.outcome, int):
                        again = self.clock.ms + max(delivered.outcome, 1) * 1000
                        queue.waiting.append(Waiting(waiting.body, again, waiting.attempts + 1))
                handled += batch
        return handled

    def consume(self, queue: str, batch: Sequence[Delivered]) -> None:
        """One batch to the queue's handler."""
        platform = self.platform()
        log = Log.of(platform, requestId="queue")
        self.run(dispatch(queue, batch, platform=platform, log=log))

    def cron(self) -> None:
        """One run of the five-minute cron."""
        platform = self.platform()
        log = Log.of(platform, requestId="cron")
        self.run(run_cron(platform, scheduled_ms=self.clock.ms, log=log))

    def logs(self) -> list[dict[str, Any]]:
        """All notification rows, oldest first."""
        rows: list[dict[str, Any]] = self.database.rows(
            "SELECT * FROM notification_logs ORDER BY id"
        )
        return rows


def signature(
    method: str, target: str, body: bytes, *, now_ms: int, key: str = API_KEY, version: int = 1
) -> dict[str, str]:
    """The headers of a signed request, worked out independently of the service."""
    timestamp = str(now_ms)
    if version == 2:
        digest = hashlib.sha256(body).hexdigest()
        text = "\n".join([timestamp, method, target, digest]).encode()
    elif method in ("GET", "HEAD", "DELETE"):
        text = (timestamp + target).encode()
    else:
        text = timestamp.encode() + body
    signed = hmac.new(key.encode(), text, hashlib.sha256).hexdigest()
    headers = {"x-timestamp": timestamp, "x-signature": signed}
    return headers | ({"x-signature-version": "2"} if version == 2 else {})
