"""Saving, finding and deleting recipients' channel configurations."""

import json
from typing import Any

from notification.channels.channel import check_timeout
from notification.channels.endpoint import EndpointPolicy
from notification.channels.pace import check_rate, endpoint_id
from notification.channels.quiet_hours import check_quiet_hours
from notification.channels.registry import CHANNELS
from notification.channels.standard_webhooks import signing_keys
from notification.configuration.channel_config import (
    ChannelConfig,
    KnownConfigs,
    cache_key,
    place,
    read_config,
)
from notification.configuration.key_ring import KEY_BYTES, KeyRing
from notification.configuration.masking import has_masked_values, is_mask, is_secret, unmask_config
from notification.errors import ChannelRefusal, ServiceError
from notification.foreign_json import parse_foreign_json
from notification.identity import new_row_id
from notification.logging import Log
from notification.ports.database import Database, DatabaseConflict, Row
from notification.ports.platform import Platform
from notification.settings import SCHEDULE_RULE, parse_schedule
from notification.storage.config_rows import COLUMNS, ConfigRows
from notification.timestamps import iso

EVERY_CHANNEL = frozenset(
    ("timeout", "rate", "quiet_hours", "retry_schedule", "inbound_secret", "bridge_token")
)
"""Fields that a configuration of any channel may have."""
MAX_CONFIG_BYTES = 16_384
MAX_BRIDGE_TOKEN = 1_000
_TRIES = 5
_CACHED = frozenset(COLUMNS.split(", "))
"""What a configuration in the cache must have."""


def _check_schedule(config: dict[str, Any]) -> None:
    schedule = config.get("retry_schedule")
    if schedule is not None and parse_schedule(schedule) is None:
        raise ChannelRefusal("INVALID_CONFIG", f"retry_schedule must be {SCHEDULE_RULE}")


class ConfigService:
    """Saves, finds and deletes configurations. The cache holds only their sealed form."""

    def __init__(self, platform: Platform, database: Database, *, own_host: str, log: Log) -> None:
        self._platform = platform
        self._rows = ConfigRows(database)
        self._keys = KeyRing(platform)
        self._own_host = own_host
        self._log = log

    async def save(
        self, user_id: str, channel: str, config: dict[str, Any] | None, is_active: bool | None
    ) -> tuple[ChannelConfig, bool]:
        """Create or replace a configuration; without `config`, change only `is_active`.

        A secret that comes back masked keeps its stored value.

        Returns:
            The configuration, and whether it is new.

        Raises:
            ServiceError: VALIDATION_ERROR, or MISSING_PARAMETER if there is nothing to change.
        """
        self._require_cache()
        if config is None or has_masked_values(config):
            row = await self._merge(user_id, channel, config, is_active)
        else:
            self._check(channel, config)
            row = await self._upsert(user_id, channel, config, is_active)
        await self._drop_cached(user_id, channel)
        return await read_config(row, self._keys), row["revision"] == 1

    async def delete(self, user_id: str, channel: str) -> None:
        """Delete a configuration.

        Raises:
            ServiceError: NOT_FOUND.
        """
        self._require_cache()
        found = await self._rows.delete(user_id, channel)
        await self._drop_cached(user_id, channel)
        if not found:
            raise ServiceError("NOT_FOUND", "Configuration not found")

    async def find(self, user_id: str, channel: str) -> ChannelConfig | None:
        """Return one configuration, from the cache if it is there; it may be a minute old."""
        self._require_cache()
        row = await self._cached(user_id, channel)
        if row is None:
            row = await self._rows.find(user_id, channel)
            if row is not None and row["is_active"] and self._platform.settings.cache_enabled:
                self._platform.keep_alive(self._cache(row))
        return None if row is None else await read_config(row, self._keys)

    async def list(
        self, *, user_id: str | None, channel: str | None, limit: int, offset: int
    ) -> tuple[list[ChannelConfig], int]:
        """Return one page and the total; counting stops one above `MAX_COUNTED`."""
        self._require_cache()
        rows, total = await self._rows.list(
            user_id=user_id, channel=channel, limit=limit, offset=offset
        )
        return [await read_config(row, self._keys) for row in rows], total

    async def _merge(
        self, user_id: str, channel: str, config: dict[str, Any] | None, is_active: bool | None
    ) -> Row:
        for _ in range(_TRIES):
            row = await self._rows.find(user_id, channel)
            if row is None:
                if config is None:
                    raise ServiceError(
                        "MISSING_PARAMETER",
                        "Missing required fields: user_id, channel_type, config_data",
                    )
                stored = None
            else:
                stored = (await read_config(row, self._keys)).config
            merged = None if config is None else unmask_config(config, stored or {})
            if merged is not None:
                _refuse_masked(merged)
                self._check(channel, merged)
            written = await self._write_merged(row, user_id, channel, merged, is_active)
            if written is not None:
                return written
        raise ServiceError("DB_ERROR", "The configuration keeps changing; please try again")

    async def _write_merged(
        self,
        row: Row | None,
        user_id: str,
        channel: str,
        merged: dict[str, Any] | None,
        is_active: bool | None,
    ) -> Row | None:
        if row is None:
            return await self._upsert(user_id, channel, merged or {}, is_active)
        now = iso(self._platform.clock.now_ms())
        sealed = str(row["config_data"])
        endpoint = None if row["endpoint"] is None else str(row["endpoint"])
        if merged is not None:
            sealed = await self._seal(user_id, channel, merged)
            endpoint = endpoint_id(channel, merged)
            active = is_active is not False
        else:
            active = bool(row["is_active"]) if is_active is None else is_active
        return await self._rows.replace(
            int(row["id"]),
            int(row["revision"]),
            sealed=sealed,
            endpoint=endpoint,
            is_active=active,
            now=now,
        )

    async def _upsert(
        self, user_id: str, channel: str, config: dict[str, Any], is_active: bool | None
    ) -> Row:
        platform, new_id = self._platform, None
        now_ms = platform.clock.now_ms()
        sealed = await self._seal(user_id, channel, config)
        for tries_left in reversed(range(_TRIES)):
            if platform.is_sharded:
                new_id = new_row_id(now_ms, platform.shard, platform.randomness)
            try:
                return await self._rows.upsert(
                    user_id,
                    channel,
                    sealed=sealed,
                    endpoint=endpoint_id(channel, config),
                    is_active=is_active is not False,
                    now=iso(now_ms),
                    new_id=new_id,
                )
            except DatabaseConflict:
                # The id is taken, by a configuration of the same millisecond.
                if not tries_left:
                    raise
        raise AssertionError("the loop above returns or raises")

    def _check(self, channel: str, config: dict[str, Any]) -> None:
        if len(json.dumps(config, ensure_ascii=False).encode()) > MAX_CONFIG_BYTES:
            raise ServiceError(
                "VALIDATION_ERROR", f"config_data must not exceed {MAX_CONFIG_BYTES} bytes"
            )
        try:
            CHANNELS[channel].check_config(
                config, EndpointPolicy.of(self._platform.settings, self._own_host)
            )
            check_timeout(config)
            check_rate(config)
            check_quiet_hours(config)
            _check_schedule(config)
            if "inbound_secret" in config:
                signing_keys(config, "inbound_secret")
            _check_bridge_token(config)
        except ChannelRefusal as refusal:
            raise ServiceError("VALIDATION_ERROR", refusal.text) from None

    async def _seal(self, user_id: str, channel: str, config: dict[str, Any]) -> str:
        if len(self._platform.settings.encrypt_key) != KEY_BYTES:
            # Never in production, which refuses such a key before anything is sealed.
            self._log.write("warn", "ENCRYPT_KEY has not 32 characters: it was padded or cut")
        text = json.dumps(config, ensure_ascii=False, separators=(",", ":"))
        return await self._keys.seal(text, *place(user_id, channel))

    def _require_cache(self) -> None:
        if "CONFIG_CACHE" not in self._platform.bound:
            raise ServiceError("KV_NOT_BOUND", "KV namespace not bound")

    async def _cached(self, user_id: str, channel: str) -> Row | None:
        if not self._platform.settings.cache_enabled:
            return None
        try:
            text = await self._platform.cache.get(cache_key(user_id, channel))
            row = parse_foreign_json(text) if text else None
        except Exception as error:
            self._log.write("warn", "Cache read failed", error=type(error).__name__)
            return None
        # Another version, or the service before this one, may have written another form.
        return row if isinstance(row, dict) and row.keys() >= _CACHED else None

    async def _cache(self, row: Row) -> None:
        key = cache_key(str(row["user_id"]), str(row["channel_type"]))
        try:
            await self._platform.cache.put(
                key, json.dumps(row), ttl_s=self._platform.settings.cache_ttl_s
            )
        except Exception as error:
            self._log.write("warn", "Cache write failed", error=type(error).__name__)

    async def _drop_cached(self, user_id: str, channel: str) -> None:
        """Drop a configuration from the caches; called after the write."""
        self._platform.memory.of(KnownConfigs).drop(user_id, [channel])
        try:
            await self._platform.cache.delete(cache_key(user_id, channel))
        except Exception as error:
            self._log.write("warn", "Cache delete failed", error=type(error).__name__)


def _refuse_masked(config: dict[str, Any]) -> None:
    """Refuse a mask that stands for no stored value: stored itself, it would be the secret.

    Raises:
        ServiceError: VALIDATION_ERROR.
    """
    for name, value in config.items():
        values = value if isinstance(value, list) else [value]
        if is_secret(name) and any(map(is_mask, values)):
            raise ServiceError(
                "VALIDATION_ERROR",
                f"{name} is masked, and the mask is not that of the stored value; send it whole",
            )


def _check_bridge_token(config: dict[str, Any]) -> None:
    """Refuse a token that no caller could present.

    Raises:
        ChannelRefusal: INVALID_CONFIG.
    """
    token = config.get("bridge_token", "token")
    usable = isinstance(token, str) and 1 <= len(token) <= MAX_BRIDGE_TOKEN
    if not usable or not token.isprintable() or token != token.strip():
        raise ChannelRefusal(
            "INVALID_CONFIG",
            f"bridge_token must be a string of 1 to {MAX_BRIDGE_TOKEN} printable characters without"
            " outer spaces",
        )
