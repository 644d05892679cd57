"""A bounded memory of one isolate."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recollection(Generic[K, V]):
    """At most `most` entries, least recently used out first, none older than `ttl_ms`.

    Nothing may depend on it: whoever uses an entry has it confirmed by the batch that writes.
    """

    __slots__ = ("_entries", "_most", "_ttl_ms")

    def __init__(self, *, most: int = 1_000, ttl_ms: int = 300_000) -> None:
        self._entries: OrderedDict[K, tuple[int, V]] = OrderedDict()
        self._most = most
        self._ttl_ms = ttl_ms

    def keep(self, key: K, value: V, now_ms: int) -> None:
        """Remember."""
        self._entries[key] = (now_ms, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def recall(self, key: K, now_ms: int) -> V | None:
        """The value, or None."""
        entry = self._entries.get(key)
        if entry is None or not 0 <= now_ms - entry[0] <= self._ttl_ms:
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def forget(self, key: K) -> None:
        """Drop what turned out to be stale."""
        self._entries.pop(key, None)
