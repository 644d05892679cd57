"""The Worker on Cloudflare: from the runtime's three events to the service, and back."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, TypeVar

import js
from notification.app.platform import IsolateMemory, PlatformPorts
from notification.app.service import Service
from notification.cloudflare.bindings import (
    AnalyticsDataset,
    CloudflareQueue,
    ConsoleLogSink,
    KvCache,
    OffsetClock,
    RateLimitBinding,
    RawMessage,
    SystemRandomness,
)
from notification.cloudflare.d1 import D1Database
from notification.cloudflare.fetch import FetchHttp
from notification.cloudflare.http_messages import ResponseFactory, read_request
from notification.cloudflare.js_bridge import (
    JsBridge,
    from_object,
    promise_of,
    promise_with_resolvers,
)
from notification.cloudflare.unbound import UnboundCache, UnboundDatabase, UnboundQueue
from notification.cloudflare.web_crypto import WebCryptoAead
from notification.identity import MAX_SHARDS
from notification.ports.database import Database
from notification.ports.platform import VersionMetadata
from notification.settings import Settings
from notification.storage.last_hour import RefusedWrites
from notification.storage.metered import MeteredDatabase
from pyodide.ffi import jsnull
from workers import import_from_javascript

T = TypeVar("T")
_JS_BRIDGE = "notification/cloudflare/js_bridge.js"
"""A module of the bundle, by its name there."""


def _present(value: Any) -> bool:
    return value is not None and value is not jsnull


class Isolate:
    """Everything that is read from the bindings once and kept for the isolate's life."""

    def __init__(self, module: Any) -> None:
        self._environment = import_from_javascript("cloudflare:workers").env
        names = list(js.Object.keys(self._environment))
        bindings = {name: getattr(self._environment, name) for name in names}
        self.settings = Settings.read(
            {name: value for name, value in bindings.items() if isinstance(value, str)}
        )
        self.bindings = {
            name: value
            for name, value in bindings.items()
            if not isinstance(value, str) and _present(value)
        }
        self.bound = frozenset(self.bindings)
        database = self.bindings.get("DB")
        self.bridge = JsBridge(module, self._environment)
        self.database = D1Database(self.bridge) if database else UnboundDatabase()
        further = (f"DB_{shard}" for shard in range(1, MAX_SHARDS))
        self.further_databases = [
            D1Database(self.bridge, name) for name in takewhile(self.bound.__contains__, further)
        ]
        cache = self.bindings.get("CONFIG_CACHE")
        self.cache = KvCache(cache) if cache else UnboundCache()
        self.retry_queue = self._queue("RETRY_QUEUE")
        self.failed_queue = self._queue("FAILED_QUEUE")
        self.outbound = FetchHttp(self.bridge)
        self.aead = WebCryptoAead()
        self.log_sink = ConsoleLogSink(self.bridge)
        self.randomness = SystemRandomness()
        self.version = self._version()
        self.calls = AnalyticsDataset(self.bridge) if "CALLS" in self.bound else None
        self.memory = IsolateMemory()
        self.service = Service()
        self.responses = ResponseFactory(self.bridge)

    def _queue(self, name: str) -> CloudflareQueue | UnboundQueue:
        binding = self.bindings.get(name)
        return CloudflareQueue(binding) if binding else UnboundQueue(name)

    def _limiter(self, name: str) -> RateLimitBinding | None:
        binding = self.bindings.get(name)
        return RateLimitBinding(binding) if binding else None

    def _version(self) -> VersionMetadata:
        binding = self.bindings.get("CF_VERSION_METADATA")
        if not binding:
            return VersionMetadata()
        known = from_object(binding)
        return VersionMetadata(
            known.get("id") or "", known.get("tag") or "", known.get("timestamp") or ""
        )

    def _all_databases(self, home: MeteredDatabase) -> Sequence[Database]:
        # Imported where there are several databases.
        from notification.storage.shards import ShardDatabase

        return [home, *(ShardDatabase(home, home.beside(own)) for own in self.further_databases)]

    async def event_platform(self, context: Any) -> "Invocation":
        """Return the ports of an invocation by a queue or the cron."""
        now_ms = await self.bridge.now() if "TEST_CLOCK" in self.bound else None
        return self.platform(context, now_ms)

    def platform(self, context: Any, now_ms: int | None) -> "Invocation":
        """Return the ports of one invocation; `now_ms` is the time where the runtime's isn't it."""

        def keep_alive(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
            task = asyncio.ensure_future(work)
            # A task itself would be gone before the runtime asks it for its end.
            context.waitUntil(promise_of(task))
            return task

        real = OffsetClock()
        clock = real if now_ms is None else OffsetClock(int(now_ms) - real.now_ms())
        database = MeteredDatabase(self.database, self.memory.of(RefusedWrites), clock)
        return Invocation(
            settings=self.settings,
            database=database,
            databases=self._all_databases(database) if self.further_databases else (),
            cache=self.cache,
            retry_queue=self.retry_queue,
            failed_queue=self.failed_queue,
            outbound=self.outbound,
            aead=self.aead,
            clock=clock,
            randomness=self.randomness,
            log_sink=self.log_sink,
            version=self.version,
            bound=self.bound,
            address_limiter=self._limiter("RATE_LIMIT_ADDRESS"),
            recipient_limiter=self._limiter("RATE_LIMIT_RECIPIENT"),
            calls=self.calls,
            memory=self.memory,
            keep_alive=keep_alive,
            context=context,
            bridge=self.bridge,
        )


@dataclass(slots=True, eq=False, repr=False)
class Invocation(PlatformPorts):
    """The ports of one event, with the runtime's context."""

    context: Any
    bridge: JsBridge

    async def gathered(
        self, works: Sequence[Coroutine[Any, Any, T]], within_s: float
    ) -> AsyncIterator[list[T]]:
        """Run works side by side, and yield the results of those that are done.

        Inside a run JavaScript drives each of them as it drives the run: a task of asyncio's would
        cost several turns of the event loop for each `await`.
        """
        if self.bridge.driving:
            found = self.bridge.gathered(works, within_s)
        else:
            # `super()` doesn't know the class that `slots` makes.
            found = PlatformPorts.gathered(self, works, within_s)
        async for results in found:
            yield results

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of work that goes on if the client hangs up.

        The runtime cancels no task. It only has to be kept from dropping the event: for that a
        promise is enough, and neither a task nor a timer is needed.
        """
        if self.bridge.driving:
            self.bridge.note("hold")
            return await work
        held = promise_with_resolvers()
        self.context.waitUntil(held.promise)
        try:
            return await work
        finally:
            held.resolve()


class Worker:
    """The three events of one isolate. Nothing is read before the first of them."""

    def __init__(self) -> None:
        self._isolate: Isolate | None = None

    def _ready(self) -> Isolate:
        if self._isolate is None:
            # Other events may come while the module is imported.
            module = import_from_javascript(_JS_BRIDGE)
            if self._isolate is None:
                self._isolate = Isolate(module)
        return self._isolate

    def fetch(self, raw: Any, context: Any) -> Any:
        """Return a promise of a JavaScript `Response` for a JavaScript `Request`."""
        isolate = self._ready()

        async def begin(described: str) -> str:
            request, now_ms = read_request(described, isolate.bridge)
            platform = isolate.platform(context, now_ms)
            return isolate.responses.text(await isolate.service.answer(request, platform))

        return isolate.bridge.run(begin, raw)

    async def queue(self, batch: Any, context: Any) -> None:
        """Consume one batch of the queue that it names."""
        isolate = self._ready()
        messages = [RawMessage(message) for message in batch.messages]
        await isolate.service.consume(batch.queue, messages, await isolate.event_platform(context))

    async def scheduled(self, context: Any) -> None:
        """Run the cron's tasks; raises what made one fail."""
        isolate = self._ready()
        await isolate.service.run_cron(await isolate.event_platform(context))
