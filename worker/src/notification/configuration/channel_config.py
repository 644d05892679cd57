"""A recipient's configuration of one channel: its row, and the isolate's cache of it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from notification.configuration.key_ring import KeyRing, SealedTextError
from notification.foreign_json import parse_foreign_json
from notification.ports.database import Row
from notification.ttl_cache import TtlCache


def cache_key(user_id: str, channel: str) -> str:
    """Return the cache's key of a configuration."""
    return f"user_config:{user_id}:{channel}"


class ChannelConfig(NamedTuple):
    """A configuration from its row.

    Attributes:
        config: None if the stored text can't be read.
        deactivated_at: when the service itself switched it off, as ISO text.
        deactivated_reason: why.
        endpoint: the id of the endpoint that it leads to; None if an older version has saved it.
    """

    id: int
    revision: int
    user_id: str
    channel: str
    is_active: bool
    created_at: str
    updated_at: str
    config: dict[str, Any] | None
    deactivated_at: str | None = None
    deactivated_reason: str | None = None
    endpoint: str | None = None

    @property
    def line(self) -> str:
        """The id of the line before its endpoint; see `notification.delivery.endpoint_lines`."""
        return self.endpoint or f"{self.user_id} {self.channel}"


def place(user_id: str, channel: str) -> tuple[str, ...]:
    """Return what a sealed configuration is bound to: table, row key, column."""
    return ("user_configs", user_id, channel, "config_data")


async def read_config(row: Row, keys: KeyRing, known: ChannelConfig | None = None) -> ChannelConfig:
    """Read the configuration in a row; an unreadable one disables only itself.

    Args:
        row: a row of `user_configs`.
        keys: opens what is sealed in it.
        known: the configuration of the same id and revision, which needn't be opened again.
    """
    user_id, channel = str(row["user_id"]), str(row["channel_type"])
    config: Any = known.config if known is not None else await _opened(row, keys)
    return ChannelConfig(
        id=int(row["id"]),
        revision=int(row["revision"]),
        user_id=user_id,
        channel=channel,
        is_active=bool(row["is_active"]),
        created_at=str(row["created_at"]),
        updated_at=str(row["updated_at"]),
        config=config if isinstance(config, dict) else None,
        deactivated_at=_text_or_none(row.get("deactivated_at")),
        deactivated_reason=_text_or_none(row.get("deactivated_reason")),
        endpoint=_text_or_none(row.get("endpoint")),
    )


async def _opened(row: Row, keys: KeyRing) -> Any:
    bound_to = place(str(row["user_id"]), str(row["channel_type"]))
    try:
        return parse_foreign_json(await keys.open(str(row["config_data"]), *bound_to))
    except (SealedTextError, ValueError):
        return None


class ConfigReader:
    """Reads configurations by row, in a time that doesn't tell whether there was one."""

    __slots__ = ("_decoy",)

    def __init__(self) -> None:
        self._decoy: Row | None = None

    async def read(self, row: Row | None, keys: KeyRing) -> ChannelConfig | None:
        """Read the configuration in a row; without one do the same work, and return None."""
        if row is not None:
            return await read_config(row, keys)
        if self._decoy is None:
            sealed = await keys.seal(_DECOY, *place("", ""))
            self._decoy = {
                "id": 0,
                "revision": 0,
                "user_id": "",
                "channel_type": "",
                "is_active": 0,
                "created_at": "",
                "updated_at": "",
                "config_data": sealed,
            }
        await read_config(self._decoy, keys)
        return None


_DECOY = '{"webhook_url":"https://hooks.example.com/services/in","bridge_token":"none"}'


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


class KnownConfigs:
    """A cache of configurations by recipient and channel.

    An entry is never trusted by itself: the batch that writes a notification is conditional on the
    revision in the cache, so a stale entry costs one more round trip and nothing else.
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

    def of_row(self, row: Row, now_ms: int) -> ChannelConfig | None:
        """Return the configuration that was read from the row's very revision, or None."""
        found = self._entries.get((str(row["user_id"]), str(row["channel_type"])), now_ms)
        same = found is not None and (found.id, found.revision) == (row["id"], row["revision"])
        return found if same else None

    def drop(self, user_id: str, channels: Sequence[str]) -> None:
        """Remove entries that turned out to be stale."""
        for channel in channels:
            self._entries.drop((user_id, channel))
