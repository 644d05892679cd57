"""Active configurations that this isolate has read lately."""

from collections.abc import Sequence

from notification.configuration.channel_config import ChannelConfig
from notification.recollection import Recollection


class KnownConfigs:
    """Never trusted by itself: the batch that writes a notification is conditional on the
    revisions that are remembered here, so a stale entry costs one more round trip."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: Recollection[tuple[str, str], ChannelConfig] = Recollection()

    def remember(self, configs: Sequence[ChannelConfig], now_ms: int) -> None:
        """Keep readable active configurations."""
        for config in configs:
            if config.is_active and config.config is not None:
                self._entries.keep((config.user_id, config.channel), config, now_ms)

    def recall(
        self, user_id: str, channels: Sequence[str], now_ms: int
    ) -> list[ChannelConfig] | None:
        """All the channels' configurations, or None if one of them isn't known."""
        found = [self._entries.recall((user_id, channel), now_ms) for channel in channels]
        known = [config for config in found if config is not None]
        return known if len(known) == len(found) else None

    def forget(self, user_id: str, channels: Sequence[str]) -> None:
        """Drop what turned out to be stale."""
        for channel in channels:
            self._entries.forget((user_id, channel))
