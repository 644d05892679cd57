"""All ports of one invocation in one place."""

from asyncio import Task, shield
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from notification.configuration.known_configs import KnownConfigs
from notification.delivery.endpoint_limiter import EndpointLimiter
from notification.metrics.isolate_counters import IsolateCounters
from notification.ports.database import Database
from notification.ports.outbound import OutboundHttp
from notification.settings import Settings
from notification.templates.stored_template import StoredTemplate
from notification.ttl_cache import TtlCache

T = TypeVar("T")


class Clock(Protocol):
    """Time comes from here only, so that tests can move it."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC."""
        ...

    async def sleep(self, ms: int) -> None:
        """Let `ms` milliseconds pass."""
        ...


class Randomness(Protocol):
    """Randomness comes from here only; the real one is cryptographically secure."""

    def token_bytes(self, count: int) -> bytes:
        """`count` random bytes."""
        ...


class Cache(Protocol):
    """A key-value cache that may be stale for a minute; it decides nothing."""

    async def get(self, key: str) -> str | None:
        """The value, or None."""
        ...

    async def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Keep `value` for `ttl_s` seconds (at least 60)."""
        ...

    async def delete(self, key: str) -> None:
        """Forget the key; an unknown one is no error."""
        ...

    async def count(self) -> int:
        """How many keys there are; counting stops at ten thousand."""
        ...


class QueueMessage(NamedTuple):
    """A JSON object that becomes visible after `delay_s` seconds."""

    body: Mapping[str, Any]
    delay_s: int = 0


class Queue(Protocol):
    """A producer. A message may be lost, repeated or reordered: rows are the truth."""

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        """Send up to 100 messages; raises `QueueError`."""
        ...


class QueueError(Exception):
    """The queue did not take the messages."""


class Aead(Protocol):
    """AES-256-GCM with a 12-byte nonce and the 16-byte tag at the end of the ciphertext."""

    async def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag."""
        ...

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """The plaintext; raises `ValueError` where key, nonce, tag or `aad` do not belong."""
        ...


class RateLimiter(Protocol):
    """A counter of the platform, with its own limit and period."""

    async def allows(self, key: str) -> bool:
        """Count one call for `key`; False once the limit of the period is reached."""
        ...


class LogSink(Protocol):
    """Where log lines go."""

    def write(self, level: str, line: str) -> None:
        """One line of JSON; level is debug, info, warn or error."""
        ...


class VersionMetadata(NamedTuple):
    """What the platform says about the running version; empty where it says nothing."""

    id: str = ""
    tag: str = ""
    timestamp: str = ""

    @property
    def short(self) -> str:
        """The first eight characters of the id, as they stand in a preview URL."""
        return self.id[:8]


# Neither compared nor shown: each method that isn't made is not compiled in a starting isolate.
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Platform:
    """Everything outside the service that one invocation may touch."""

    settings: Settings
    database: Database
    cache: Cache
    retry_queue: Queue
    failed_queue: Queue
    outbound: OutboundHttp
    aead: Aead
    clock: Clock
    randomness: Randomness
    log_sink: LogSink
    version: VersionMetadata
    bound: frozenset[str]
    """Names of the bindings that exist."""
    address_limiter: RateLimiter | None
    recipient_limiter: RateLimiter | None
    known_configs: KnownConfigs
    known_templates: TtlCache[str, StoredTemplate]
    endpoint_limiter: EndpointLimiter
    """What this isolate remembers between invocations; nothing depends on it."""
    counters: IsolateCounters
    keep_alive: Callable[[Coroutine[Any, Any, Any]], Task[Any]]
    """Start work that goes on when the client hangs up (the platform's `waitUntil`)."""

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work that goes on when the client hangs up."""
        result: T = await shield(self.keep_alive(work))
        return result
