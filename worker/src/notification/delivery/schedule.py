"""When a notification is tried again."""

from notification.ports.platform import Randomness

DELAYS_MS = (10_000, 30_000, 60_000, 300_000, 900_000)
DEFAULT_MAX_RETRIES = 2
_JITTER = 0.1


def retry_delay_ms(retry: int, *, retry_after_s: int, randomness: Randomness) -> int:
    """The wait before retry number `retry` (1 is the first), in milliseconds.

    10 s, 30 s, and where more retries are configured 60 s, 300 s and 900 s, each ±10 %, so that
    what failed together is not repeated together; never below the endpoint's `Retry-After`.
    """
    base = DELAYS_MS[min(retry, len(DELAYS_MS)) - 1]
    fraction = int.from_bytes(randomness.token_bytes(2), "big") / 0xFFFF
    jittered = round(base * (1 - _JITTER + 2 * _JITTER * fraction))
    return max(jittered, retry_after_s * 1000)
