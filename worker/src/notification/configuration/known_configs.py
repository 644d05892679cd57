"""Active configurations that this isolate has read lately."""

from collections import OrderedDict
from collections.abc import Sequence

from notification.configuration.channel_config import ChannelConfig

_MOST = 1000
_TTL_MS = 300_000


class KnownConfigs:
    """At most a thousand, least recently used out first, none older than five minutes.

    Never trusted by itself: the batch that writes a notification is conditional on the revisions
    that are remembered here, so a stale entry costs one more round trip and nothing else.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[str, str], tuple[int, ChannelConfig]] = OrderedDict()

    def remember(self, configs: Sequence[ChannelConfig], now_ms: int) -> None:
        """Keep readable active configurations."""
        for config in configs:
            if config.is_active and config.config is not None:
                key = (config.user_id, config.channel)
                self._entries[key] = (now_ms, config)
                self._entries.move_to_end(key)
        while len(self._entries) > _MOST:
            self._entries.popitem(last=False)

    def recall(
        self, user_id: str, channels: Sequence[str], now_ms: int
    ) -> list[ChannelConfig] | None:
        """All the channels' configurations, or None if one of them isn't known."""
        found = []
        for channel in channels:
            entry = self._entries.get((user_id, channel))
            if entry is None or not 0 <= now_ms - entry[0] <= _TTL_MS:
                return None
            self._entries.move_to_end((user_id, channel))
            found.append(entry[1])
        return found

    def forget(self, user_id: str, channels: Sequence[str]) -> None:
        """Drop what turned out to be stale."""
        for channel in channels:
            self._entries.pop((user_id, channel), None)
