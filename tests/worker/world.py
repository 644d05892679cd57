"""One installation of the service in which all ports are replaced."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from notification.app.platform import IsolateMemory, PlatformPorts
from notification.app.service import Service
from notification.placement import KEY, Placement
from notification.ports.platform import RateLimiter, VersionMetadata
from notification.settings import Settings
from notification.storage.last_hour import RefusedWrites
from notification.storage.metered import MeteredDatabase
from notification.storage.shards import ShardDatabase
from tests.worker.caller import API_KEY, Answer, signature
from tests.worker.endpoints import Endpoints
from tests.worker.openapi.conformity import check_accepted_body, check_answer, check_query
from tests.worker.openapi.watched_request import WatchedRequest
from tests.worker.queues import Delivered, MemoryQueue, Waiting
from tests.worker.sqlite_database import SqliteDatabase
from tests.worker.surroundings import (
    MemoryCache,
    MemoryLogSink,
    MemoryPoints,
    PythonAead,
    SeededRandomness,
    VirtualClock,
)

T = TypeVar("T")
ENDPOINT = "https://hooks.example.com/in"
BOUND = frozenset({"DB", "CONFIG_CACHE", "RETRY_QUEUE", "FAILED_QUEUE"})


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
    """One installation. Changing an attribute changes the surroundings of the next call."""

    environment: dict[str, str] = field(default_factory=default_environment)
    running: VersionMetadata = field(
        default_factory=lambda: VersionMetadata("version-1", "tag-1", "")
    )
    address_limiter: RateLimiter | None = None
    recipient_limiter: RateLimiter | None = None
    bound: frozenset[str] = BOUND
    shards: int = 1
    """Over how many databases users are spread."""
    checks_accepted_bodies: bool = True
    """Whether a body that is taken must have documented fields only."""

    def __post_init__(self) -> None:
        self.clock = VirtualClock()
        self.database: Any = SqliteDatabase()
        self.further: list[Any] = [SqliteDatabase() for _ in range(self.shards - 1)]
        self.sqlites: list[SqliteDatabase] = [self.database, *self.further]
        if self.further:
            self.place(Placement(self.shards))
        self.cache: Any = MemoryCache()
        self.retry_queue = MemoryQueue(self.clock)
        self.failed_queue = MemoryQueue(self.clock)
        self.endpoints = Endpoints(self.clock)
        self.log_sink = MemoryLogSink()
        self.calls = MemoryPoints()
        self.randomness = SeededRandomness()
        self.memory = IsolateMemory()
        self.kept_alive: list[asyncio.Task[Any]] = []
        self.service = Service()

    def place(self, placement: Placement) -> None:
        """Write where users are."""
        self.sqlites[0].connection.execute(
            "INSERT INTO system_configs (config_key, config_value) VALUES (?1, ?2)"
            " ON CONFLICT (config_key) DO UPDATE SET config_value = excluded.config_value",
            (KEY, placement.text()),
        )

    def platform(self) -> PlatformPorts:
        """The ports of one invocation."""
        database = MeteredDatabase(self.database, self.memory.of(RefusedWrites), self.clock)
        further = [ShardDatabase(database, database.beside(own)) for own in self.further]

        def keep_alive(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
            task = asyncio.ensure_future(work)
            self.kept_alive.append(task)
            return task

        return PlatformPorts(
            settings=Settings.read(self.environment),
            database=database,
            databases=(database, *further) if further else (),
            cache=self.cache,
            retry_queue=self.retry_queue,
            failed_queue=self.failed_queue,
            outbound=self.endpoints,
            aead=PythonAead(),
            clock=self.clock,
            randomness=self.randomness,
            log_sink=self.log_sink,
            version=self.running,
            bound=self.bound,
            address_limiter=self.address_limiter,
            recipient_limiter=self.recipient_limiter,
            calls=self.calls,
            memory=self.memory,
            keep_alive=keep_alive,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run work to its end, with everything that it keeps alive."""

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
        response = await self.service.answer(request, self.platform())
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
        """Hand one batch to the queue's consumer."""
        self.run(self.service.consume(queue, batch, self.platform()))

    def cron(self) -> None:
        """Fire the cron once."""
        self.run(self.service.run_cron(self.platform()))

    def logs(self) -> list[dict[str, Any]]:
        """All notification rows, oldest first."""
        return self.rows("SELECT * FROM notification_logs ORDER BY id")

    def rows(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """The rows of a query, from each database."""
        found = [row for each in self.sqlites for row in each.rows(sql, *parameters)]
        return sorted(found, key=lambda row: row["id"]) if found and "id" in found[0] else found
