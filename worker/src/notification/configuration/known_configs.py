"""Active configurations that this isolate has recently read."""

from collections.abc import Sequence

from notification.configuration.channel_config import ChannelConfig
from notification.ttl_cache import TtlCache


class KnownConfigs:
    """Cache configurations by recipient and channel.

    An entry is never trusted by itself: the batch that writes a notification is conditional on
    the revision in the cache, so a stale entry costs one more round trip and nothing else.
    """

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: TtlCache[tuple[str, str], ChannelConfig] = TtlCache()

    def put(self, configs: Sequence[ChannelConfig], now_ms: int) -> None:
        """Store those that are active and readable."""
        for config in configs:
            if config.is_active and config.config is not None:
                self._entries.put((config.user_id, config.channel), config, now_ms)

    def get(self, user_id: str, channels: Sequence[str], now_ms: int) -> list[ChannelConfig] | None:
        """Return the configurations of all channels, or None if one of them is missing."""
        found = [self._entries.get((user_id, channel), now_ms) for channel in channels]
        known = [config for config in found if config is not None]
        return known if len(known) == len(found) else None

    def drop(self, user_id: str, channels: Sequence[str]) -> None:
        """Remove entries that turned out to be stale."""
        for channel in channels:
            self._entries.drop((user_id, channel))
