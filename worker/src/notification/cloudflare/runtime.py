"""From the runtime's three events to the service, and back."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import js
from notification.cloudflare.bindings import (
    CloudflareQueue,
    ConsoleLogSink,
    KvCache,
    OffsetClock,
    RateLimitBinding,
    SystemRandomness,
)
from notification.cloudflare.d1 import D1Database
from notification.cloudflare.fetch import FetchHttp
from notification.cloudflare.js_bridge import (
    JsBridge,
    JsCall,
    from_object,
    promise_with_resolvers,
    to_object,
)
from notification.cloudflare.response_factory import ResponseFactory
from notification.cloudflare.web_crypto import WebCryptoAead
from notification.configuration.known_configs import KnownConfigs
from notification.delivery.endpoint_limiter import EndpointLimiter
from notification.http.application import Application
from notification.http.request import Request
from notification.identity import new_request_id
from notification.logging import Log
from notification.metrics.isolate_counters import IsolateCounters
from notification.ports.platform import Platform, VersionMetadata
from notification.ports.unbound import UnboundCache, UnboundDatabase, UnboundQueue
from notification.settings import Settings
from notification.storage.metered import MeteredDatabase
from notification.templates.stored_template import StoredTemplate
from notification.ttl_cache import TtlCache
from pyodide.ffi import jsnull
from workers import import_from_javascript

T = TypeVar("T")
_JS_BRIDGE = "notification/cloudflare/js_bridge.js"
"""A module beside this one, by its name in the bundle."""


def _present(value: Any) -> bool:
    return value is not None and value is not jsnull


class Isolate:
    """What is read from the bindings once and kept for the isolate's life."""

    def __init__(self, bridge: Any) -> None:
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
        self.bridge = JsBridge(bridge, database)
        self.database = D1Database(self.bridge) if database else UnboundDatabase()
        cache = self.bindings.get("CONFIG_CACHE")
        self.cache = KvCache(cache) if cache else UnboundCache()
        self.retry_queue = self._queue("RETRY_QUEUE")
        self.failed_queue = self._queue("FAILED_QUEUE")
        self.outbound = FetchHttp(self.bridge)
        self.aead = WebCryptoAead()
        self.log_sink = ConsoleLogSink()
        self.randomness = SystemRandomness()
        self.version = self._version()
        self.known_configs = KnownConfigs()
        self.known_templates: TtlCache[str, StoredTemplate] = TtlCache()
        self.endpoint_limiter = EndpointLimiter()
        self.counters = IsolateCounters()
        self.application = Application()
        self.answers = ResponseFactory(self.bridge)

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

    async def _clock(self) -> OffsetClock:
        moved = self.bindings.get("TEST_CLOCK")
        if not moved:
            return OffsetClock()
        answer = await moved.fetch("http://local-clock/local/clock")
        now_ms = json.loads(await answer.text())["now_ms"]
        return OffsetClock(now_ms - OffsetClock().now_ms())

    async def platform(self, context: Any) -> "Invocation":
        """The ports of one invocation."""

        def keep_alive(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
            task = asyncio.ensure_future(work)
            context.waitUntil(task)
            return task

        return Invocation(
            settings=self.settings,
            database=MeteredDatabase(self.database),
            cache=self.cache,
            retry_queue=self.retry_queue,
            failed_queue=self.failed_queue,
            outbound=self.outbound,
            aead=self.aead,
            clock=await self._clock(),
            randomness=self.randomness,
            log_sink=self.log_sink,
            version=self.version,
            bound=self.bound,
            address_limiter=self._limiter("RATE_LIMIT_ADDRESS"),
            recipient_limiter=self._limiter("RATE_LIMIT_RECIPIENT"),
            known_configs=self.known_configs,
            known_templates=self.known_templates,
            endpoint_limiter=self.endpoint_limiter,
            counters=self.counters,
            keep_alive=keep_alive,
            context=context,
            bridge=self.bridge,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Invocation(Platform):
    """The platform's ports with the runtime's context of one event."""

    context: Any
    bridge: JsBridge

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """As the port says. The runtime cancels no task: it has only to be kept from dropping the
        event, which takes a promise, and neither a task nor a timer."""
        if self.bridge.driving:
            await JsCall(self.bridge, "hold ")
            return await work
        held = promise_with_resolvers()
        self.context.waitUntil(held.promise)
        try:
            return await work
        finally:
            held.resolve()


class RawMessage:
    """A queue message of the runtime as the consumers see it."""

    __slots__ = ("_raw", "attempts", "body")

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self.attempts = int(raw.attempts or 0)
        body = raw.body
        text = body if isinstance(body, str) else js.JSON.stringify(body)
        try:
            self.body = json.loads(text)
        except (TypeError, ValueError):
            self.body = text

    def acknowledge(self) -> None:
        """Never deliver it again."""
        self._raw.ack()

    def retry(self, delay_s: int) -> None:
        """Deliver it again after `delay_s` seconds."""
        self._raw.retry(to_object({"delaySeconds": delay_s}))


def _request(described: str, bridge: JsBridge) -> Request:
    method, url, headers = json.loads(described)
    origin, _, rest = url.partition("://")[2].partition("/")

    async def read(limit: int) -> bytes:
        body = await JsCall(bridge, f"body {limit}")
        return body.encode() if isinstance(body, str) else bytes(body.to_bytes())

    return Request(
        method=method,
        host=origin,
        target="/" + rest.partition("#")[0],
        headers=headers,
        read=read,
    )


class Runtime:
    """The entry's only collaborator. Nothing is read before the first event."""

    def __init__(self) -> None:
        self._isolate: Isolate | None = None

    def _ready(self) -> Isolate:
        if self._isolate is None:
            # Other events may come while the module is imported.
            bridge = import_from_javascript(_JS_BRIDGE)
            if self._isolate is None:
                self._isolate = Isolate(bridge)
        return self._isolate

    async def fetch(self, raw: Any, context: Any) -> Any:
        """A JavaScript `Response` for a JavaScript `Request`."""
        isolate = self._ready()

        def begin(described: str) -> Coroutine[Any, Any, str]:
            return self._answer(isolate, _request(described, isolate.bridge), context)

        return await isolate.bridge.run(begin, raw)

    async def _answer(self, isolate: Isolate, request: Request, context: Any) -> str:
        platform = await isolate.platform(context)
        return isolate.answers.text(await isolate.application.answer(request, platform))

    async def queue(self, batch: Any, context: Any) -> None:
        """One batch of the queue that it names; its modules are imported here, as the cron's."""
        from notification.delivery.dispatch import dispatch

        platform = await self._ready().platform(context)
        log = Log.of(platform, requestId=new_request_id(platform.randomness))
        messages = [RawMessage(message) for message in batch.messages]
        await dispatch(batch.queue, messages, platform=platform, log=log)

    async def scheduled(self, controller: Any, context: Any) -> None:
        """The cron's work. Its modules are imported here: most isolates never need them."""
        from notification.tasks.cron import run_cron

        platform = await self._ready().platform(context)
        log = Log.of(platform, requestId=new_request_id(platform.randomness))
        await run_cron(platform, scheduled_ms=platform.clock.now_ms(), log=log)
