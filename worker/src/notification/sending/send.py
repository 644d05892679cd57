"""The use case: accept a notification, attempt it, tell what came of it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from notification.configuration.channel_config import ChannelConfig
from notification.configuration.config_reader import read_config
from notification.configuration.key_ring import KeyRing
from notification.delivery.notification import LEASE_MS
from notification.errors import ServiceError
from notification.identity import MessageKey, new_keys, row_id_of
from notification.journal import Log, iso
from notification.ports.database import DatabaseConflict, DatabaseError, Row
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.sending.draft import Draft, draft_rows
from notification.sending.first_attempts import deliver
from notification.sending.replay import replay
from notification.storage.config_rows import active_configs
from notification.storage.outbox import Reservation, accept, find_record

_KEY_LIFE_MS = 24 * 3_600_000
_TRIES = 5


class SendResult(NamedTuple):
    """One entry per channel, and whether an earlier request did the work."""

    results: list[dict[str, Any]]
    replayed: bool


class Sender:
    """Two round trips to storage where the recipient's configurations are remembered, else three.

    A remembered configuration is confirmed by the very batch that writes the rows.
    """

    def __init__(self, platform: Platform, *, request_id: str, own_host: str, log: Log) -> None:
        self._platform = platform
        self._request_id = request_id
        self._own_host = own_host
        self._log = log

    async def send(self, command: SendCommand) -> SendResult:
        """Raises `ServiceError`; then nothing was written and nothing sent."""
        if command.content is None:
            raise ServiceError("TEMPLATE_NOT_FOUND", f"Template not found: {command.template_key}")
        request_hash = command.request_hash() if command.idempotency_key else ""
        try:
            return await self._send(command, request_hash)
        except DatabaseError as error:
            self._log.write("error", "Accepting a notification failed", error=str(error))
            raise ServiceError("DB_ERROR", "Failed to fetch user configurations") from None

    async def _send(self, command: SendCommand, request_hash: str) -> SendResult:
        platform = self._platform
        known = platform.known_configs.recall(
            command.user_id, command.channels, platform.clock.now_ms()
        )
        if known is not None:
            drafts = await self._accept(command, request_hash, known, None)
            if drafts is not None:
                return await self._deliver(drafts)
            platform.known_configs.forget(command.user_id, command.channels)
        for _ in range(_TRIES):
            record, configs = await self._read(command)
            keys = None
            if record is not None:
                earlier = await replay(record, command, request_hash, platform)
                if earlier is not None:
                    return SendResult(earlier, replayed=True)
                keys = _reserved_keys(record, command)
            if not configs:
                raise ServiceError(
                    "USER_NO_CHANNELS", f"User {command.user_id} has no configured channels"
                )
            drafts = await self._accept(command, request_hash, configs, keys)
            if drafts is not None:
                return await self._deliver(drafts)
        raise ServiceError("DB_ERROR", "Failed to fetch user configurations", retry_after=1)

    async def _read(self, command: SendCommand) -> tuple[Row | None, list[ChannelConfig]]:
        platform = self._platform
        now_ms = platform.clock.now_ms()
        statements = [active_configs(command.user_id, command.channels)]
        if command.idempotency_key:
            statements.append(find_record(command.user_id, command.idempotency_key, iso(now_ms)))
        configs, *records = await platform.database.batch(statements)
        keys = KeyRing(platform)
        read = [await read_config(row, keys) for row in configs.rows]
        platform.known_configs.remember(read, now_ms)
        record = records[0].rows[0] if records and records[0].rows else None
        return record, read

    async def _accept(
        self,
        command: SendCommand,
        request_hash: str,
        configs: Sequence[ChannelConfig],
        keys: Sequence[MessageKey] | None,
    ) -> list[Draft] | None:
        """The rows as written; None if something changed since it was read."""
        platform = self._platform
        now_ms = platform.clock.now_ms()
        drafts = draft_rows(
            command,
            _by_channel(configs),
            keys or new_keys(now_ms, command.channels, platform.randomness),
            now_ms=now_ms,
            lease_token=platform.randomness.token_bytes(12).hex(),
            request_id=self._request_id,
        )
        reservation = None
        if command.idempotency_key:
            reservation = Reservation(
                command.user_id,
                command.idempotency_key,
                request_hash,
                [draft.key.message_id for draft in drafts],
                iso(now_ms + LEASE_MS),
                iso(now_ms + _KEY_LIFE_MS),
                iso(now_ms),
            )
        try:
            written = await accept(
                platform.database,
                [draft.row for draft in drafts],
                guard=[(config.id, config.revision) for config in configs],
                reservation=reservation,
            )
        except DatabaseConflict:
            return None
        return drafts if written else None

    async def _deliver(self, drafts: Sequence[Draft]) -> SendResult:
        work = deliver(drafts, platform=self._platform, own_host=self._own_host, log=self._log)
        # A caller who hangs up ends the waiting, not the work.
        return SendResult(await asyncio.shield(self._platform.keep_alive(work)), replayed=False)


def _by_channel(configs: Sequence[ChannelConfig]) -> Mapping[str, ChannelConfig]:
    return {config.channel: config for config in configs}


def _reserved_keys(record: Row, command: SendCommand) -> list[MessageKey] | None:
    """The keys that a lapsed reservation has fixed, where they still fit the command."""
    message_ids = [str(i) for i in json.loads(str(record["message_ids"]))]
    keys = [
        MessageKey(row_id, message_id)
        for message_id in message_ids
        if (row_id := row_id_of(message_id)) is not None
    ]
    return keys if len(keys) == len(command.channels) == len(message_ids) else None
