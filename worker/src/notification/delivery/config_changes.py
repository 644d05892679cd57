"""Storing what an endpoint says about its configuration, such as a chat's new id."""

import json
from collections.abc import Mapping
from typing import Any

from notification.channels.pace import endpoint_id
from notification.configuration.channel_config import KnownConfigs, cache_key, place, read_config
from notification.configuration.key_ring import KeyRing
from notification.logging import Log
from notification.ports.platform import Platform
from notification.storage.config_rows import ConfigRows
from notification.timestamps import iso


async def store_changes(
    user_id: str, channel: str, changes: Mapping[str, Any], *, platform: Platform, log: Log
) -> None:
    """Change fields of a stored configuration, unless it is changed at the same time.

    Never raises: the endpoint says it again at the next attempt.
    """
    try:
        rows, keys = ConfigRows(platform.database), KeyRing(platform)
        row = await rows.find(user_id, channel)
        known = None if row is None else await read_config(row, keys)
        if known is None or known.config is None:
            return
        changed = {**known.config, **changes}
        text = json.dumps(changed, ensure_ascii=False, separators=(",", ":"))
        await rows.replace(
            known.id,
            known.revision,
            sealed=await keys.seal(text, *place(user_id, channel)),
            endpoint=endpoint_id(channel, changed),
            is_active=known.is_active,
            now=iso(platform.clock.now_ms()),
        )
        platform.memory.of(KnownConfigs).drop(user_id, [channel])
        await platform.cache.delete(cache_key(user_id, channel))
    except Exception as error:
        log.write("warn", "Storing a changed configuration failed", error=type(error).__name__)
    else:
        log.write(
            "info",
            "The endpoint's configuration has changed",
            type="config_changed",
            userId=user_id,
            channel=channel,
            fields=sorted(changes),
        )
