"""How a queue's messages reach the Worker."""

from dataclasses import dataclass

from infra.settings import Settings
from infra.settings.values import Milliseconds, Seconds


@dataclass(frozen=True)
class Delivery:
    """Limits of one queue consumer.

    Cloudflare counts the wait for a full batch in milliseconds and the delay of a retry in
    seconds; the two types keep a type checker from letting one pass for the other.
    """

    batch_size: int
    max_wait: Milliseconds
    max_retries: int
    retry_delay: Seconds

    @classmethod
    def of_retries(cls, settings: Settings) -> "Delivery":
        """Return the retry queue's."""
        return cls(
            batch_size=settings.retry_batch_size,
            max_wait=settings.retry_max_wait_ms,
            max_retries=settings.retry_max_retries,
            retry_delay=settings.retry_delay_seconds,
        )

    @classmethod
    def of_failures(cls, settings: Settings) -> "Delivery":
        """Return the failed queue's."""
        return cls(
            batch_size=settings.failed_batch_size,
            max_wait=settings.failed_max_wait_ms,
            max_retries=settings.failed_max_retries,
            retry_delay=settings.failed_delay_seconds,
        )
