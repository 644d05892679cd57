"""A bounded cache in the memory of one isolate."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TtlCache(Generic[K, V]):
    """A cache of at most `max_entries` entries, the most recently used ones, each for `ttl_ms`.

    Nothing may depend on it: whoever uses an entry has it confirmed by the batch that writes.
    """

    __slots__ = ("_entries", "_max_entries", "_ttl_ms")

    def __init__(self, *, max_entries: int = 1_000, ttl_ms: int = 300_000) -> None:
        self._entries: OrderedDict[K, tuple[int, V]] = OrderedDict()
        self._max_entries = max_entries
        self._ttl_ms = ttl_ms

    def put(self, key: K, value: V, now_ms: int) -> None:
        """Store the value."""
        self._entries[key] = (now_ms, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def get(self, key: K, now_ms: int) -> V | None:
        """Return the value, or None if it is absent or too old."""
        entry = self._entries.get(key)
        if entry is None or not 0 <= now_ms - entry[0] <= self._ttl_ms:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def drop(self, key: K) -> None:
        """Remove an entry that turned out to be stale."""
        self._entries.pop(key, None)
