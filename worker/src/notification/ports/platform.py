"""All ports of one invocation, and the platform that carries them."""

from asyncio import Task
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from notification.ports.database import Database
from notification.ports.outbound import OutboundHttp
from notification.settings import Settings

T = TypeVar("T")


class Clock(Protocol):
    """The only source of time, so that tests can move it."""

    def now_ms(self) -> int:
        """Return the milliseconds since the epoch, UTC."""
        ...

    async def sleep(self, ms: int) -> None:
        """Wait for `ms` milliseconds."""
        ...


class Randomness(Protocol):
    """The only source of randomness; the real one is cryptographically secure."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""
        ...


class Cache(Protocol):
    """A key-value cache that may be a minute out of date; no decision depends on it."""

    async def get(self, key: str) -> str | None:
        """Return the value, or None."""
        ...

    async def put(self, key: str, value: str, *, ttl_s: int) -> None:
        """Store `value` for `ttl_s` seconds (at least 60)."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the key; an unknown one is no error."""
        ...

    async def count(self) -> int:
        """Return the number of keys; counting stops at ten thousand."""
        ...


class QueueMessage(NamedTuple):
    """A JSON object that becomes visible after `delay_s` seconds."""

    body: Mapping[str, Any]
    delay_s: int = 0


class DataPoints(Protocol):
    """A data set of points, which costs no write of the database and works while that is down."""

    def write(self, texts: Sequence[str], numbers: Sequence[float]) -> None:
        """Write one point, after the answer and without waiting; the first text groups it."""
        ...


class Queue(Protocol):
    """A producer. A message may be lost, repeated or reordered: the rows hold the truth."""

    async def send(self, messages: Sequence[QueueMessage]) -> None:
        """Send up to 100 messages.

        Raises:
            QueueError: the queue did not take them.
        """
        ...


class QueueError(Exception):
    """The queue did not take the messages."""


class IncomingMessage(Protocol):
    """One message of a batch. It counts as acknowledged unless it is retried.

    Attributes:
        body: parsed JSON, or the text if it is not JSON.
        attempts: how often the queue has delivered it, this time included.
    """

    body: Any
    attempts: int

    def acknowledge(self) -> None:
        """Settle the message: it is never delivered again."""
        ...

    def retry(self, delay_s: int) -> None:
        """Have it delivered again after `delay_s` seconds."""
        ...


class Aead(Protocol):
    """AES-256-GCM with a 12-byte nonce and the 16-byte tag at the end of the ciphertext."""

    async def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Return ciphertext and tag."""
        ...

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            ValueError: key, nonce, tag or `aad` don't match.
        """
        ...


class RateLimiter(Protocol):
    """A counter of the platform, with its own limit and period."""

    async def allows(self, key: str) -> bool:
        """Count one call for `key`; return False once the limit of the period is reached."""
        ...


class LogSink(Protocol):
    """The place where log lines go."""

    def write(self, level: str, line: str) -> None:
        """Write one line of JSON; `level` is debug, info, warn or error."""
        ...


class Memory(Protocol):
    """Objects that live as long as the isolate. Nothing may depend on what they hold."""

    def of(self, kind: type[T]) -> T:
        """Return the isolate's object of a class, made on the first call."""
        ...


class VersionMetadata(NamedTuple):
    """The running version; empty if the platform doesn't name it."""

    id: str = ""
    tag: str = ""
    timestamp: str = ""

    @property
    def short(self) -> str:
        """The first eight characters of the id, as in a preview URL."""
        return self.id[:8]


class Platform(Protocol):
    """Everything outside the service that one invocation may use.

    Attributes:
        database: the database of whom the platform serves: one user or, on the platform that an
            invocation begins with, nobody in particular.
        shard: the number of that database.
        everywhere: all databases as one: a batch is one transaction in each of them, rows are
            joined shard by shard, and changes are summed.
        shards: the platform on each of the databases.
        is_sharded: whether there are several.
        bound: the names of the bindings that exist.
        address_limiter: counts calls by address; None if the deployment sets no limit.
        recipient_limiter: counts calls by recipient likewise.
        calls: gets one point for each request that was answered; None if nothing is bound.
        memory: what the isolate remembers between invocations.
    """

    settings: Settings
    database: Database
    shard: int
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
    address_limiter: RateLimiter | None
    recipient_limiter: RateLimiter | None
    calls: DataPoints | None
    memory: Memory

    @property
    def everywhere(self) -> Database:
        """See above."""
        ...

    @property
    def shards(self) -> "Sequence[Platform]":
        """See above."""
        ...

    @property
    def is_sharded(self) -> bool:
        """See above."""
        ...

    async def for_user(self, user_id: str) -> "Platform":
        """Return the platform with the user's database.

        Raises:
            ServiceError: MAINTENANCE while the user is being moved; DB_ERROR.
            DatabaseError: the first database did not answer.
        """
        ...

    def keep_alive(self, work: Coroutine[Any, Any, Any]) -> Task[Any]:
        """Start work that goes on after the answer (Cloudflare's `waitUntil`)."""
        ...

    def gathered(
        self, works: Sequence[Coroutine[Any, Any, T]], within_s: float
    ) -> AsyncIterator[list[T]]:
        """Run works side by side, and yield the results of those that are done.

        The first results come once all works are done, or after `within_s` seconds; where none is
        done by then, with the first that is. So do the next.
        """
        ...

    async def run_to_completion(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of work that goes on if the client hangs up."""
        ...
