"""From a row of `user_configs` to a configuration."""

import json

from notification.configuration.channel_config import ChannelConfig
from notification.configuration.key_ring import KeyRing, SealedTextError
from notification.ports.database import Row


def place(user_id: str, channel: str) -> tuple[str, ...]:
    """What a sealed configuration is bound to: table, row key, column."""
    return ("user_configs", user_id, channel, "config_data")


async def read_config(row: Row, keys: KeyRing) -> ChannelConfig:
    """The configuration in a row; an unreadable one disables itself only."""
    user_id, channel = str(row["user_id"]), str(row["channel_type"])
    try:
        config = json.loads(await keys.open(str(row["config_data"]), *place(user_id, channel)))
    except (SealedTextError, ValueError):
        config = None
    return ChannelConfig(
        id=int(row["id"] or 0),
        revision=int(row["revision"] or 0),
        user_id=user_id,
        channel=channel,
        is_active=bool(row["is_active"]),
        created_at=str(row["created_at"]),
        updated_at=str(row["updated_at"]),
        config=config if isinstance(config, dict) else None,
    )
