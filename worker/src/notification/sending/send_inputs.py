"""What a send reads before it writes."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.channels.channel import base_channel
from notification.configuration.channel_config import ChannelConfig, KnownConfigs, read_config
from notification.configuration.key_ring import KeyRing
from notification.delivery.endpoint_lines import (
    NO_OBSTACLES,
    Obstacles,
    read_obstacles,
    select_obstacles,
)
from notification.errors import ServiceError
from notification.metrics.isolate_counters import IsolateCounters
from notification.ports.database import Result, Row, Statement
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.storage.config_rows import active_configs
from notification.storage.outbox import Guard, find_records
from notification.templates.stored_template import (
    KnownTemplates,
    StoredTemplate,
    active_template,
    read_template,
)
from notification.timestamps import iso


class SendInputs(NamedTuple):
    """The stored data that a send depends on.

    Attributes:
        configs: the recipient's active configurations of the requested channels.
        template: the template, if the send names one.
        record: the record of an earlier request with the same idempotency key.
        obstacles: what stands before the recipient's endpoints; the caches know of nothing.
    """

    configs: list[ChannelConfig]
    template: StoredTemplate | None
    record: Row | None = None
    obstacles: Obstacles = NO_OBSTACLES

    def guard(self, free: Sequence[tuple[str, str]], now_ms: int) -> Guard:
        """Return the condition under which the data is still what was read.

        Args:
            free: the channels, each with its base, before which nothing may stand.
            now_ms: the time at which nothing may stand there.
        """
        template = self.template
        return Guard(
            [(config.id, config.revision) for config in self.configs],
            None if template is None else (template.key, template.revision),
            free,
            now_ms,
        )


def _template_key(command: SendCommand) -> str | None:
    return command.template_key if command.content is None else None


def cached_inputs(command: SendCommand, platform: Platform) -> SendInputs | None:
    """Return the inputs from the isolate's caches, or None if one of them is missing."""
    now_ms = platform.clock.now_ms()
    configs = platform.memory.of(KnownConfigs).get(command.user_id, command.channels, now_ms)
    platform.memory.of(IsolateCounters).cache_lookup(configs is not None)
    key = _template_key(command)
    template = None if key is None else platform.memory.of(KnownTemplates).get(key, now_ms)
    if configs is None or (key is not None and (template is None or platform.shard)):
        # In another database than the template's, the batch that writes can't confirm it.
        return None
    return SendInputs(configs, template)


def drop_cached(command: SendCommand, platform: Platform) -> None:
    """Remove the command's inputs from the caches: they turned out to be stale."""
    platform.memory.of(KnownConfigs).drop(command.user_id, command.channels)
    key = _template_key(command)
    if key is not None:
        platform.memory.of(KnownTemplates).drop(key)


class _Asked:
    """What some sends depend on: as many statements for a hundred as for one.

    Only each template is asked for by its own.
    """

    def __init__(self, commands: Sequence[SendCommand], platform: Platform) -> None:
        self._commands = commands
        self._platform = platform
        self._now_ms = platform.clock.now_ms()
        keys = (_template_key(command) for command in commands)
        self._templates = list(dict.fromkeys(key for key in keys if key is not None))
        self._records = [
            (command.user_id, command.idempotency_key)
            for command in commands
            if command.idempotency_key is not None
        ]

    def statements(self) -> list[Statement]:
        """Select it."""
        channels = {
            (command.user_id, name): None for command in self._commands for name in command.channels
        }
        users = dict.fromkeys(command.user_id for command in self._commands)
        statements = [
            active_configs(channels),
            *select_obstacles(users, self._now_ms),
            *map(active_template, self._templates),
        ]
        if self._records:
            statements.append(find_records(self._records, iso(self._now_ms)))
        return statements

    async def read(self, results: Sequence[Result]) -> list[SendInputs]:
        """Read each send's inputs from the statements' results, and cache them."""
        configs = await self._configs(results[0].rows)
        obstacles = read_obstacles(results[1:3])
        if self._platform.is_sharded and obstacles.lines:
            obstacles = await self._with_shared_lines(obstacles)
        templates = {
            key: self._template(result.rows)
            for key, result in zip(self._templates, results[3:], strict=False)
        }
        records = {}
        if self._records:
            records = {(row["user_id"], row["idempotency_key"]): row for row in results[-1].rows}
        return [
            SendInputs(
                [
                    each
                    for each in configs.get(command.user_id, ())
                    if each.channel in command.channels
                ],
                templates.get(_template_key(command) or ""),
                records.get((command.user_id, command.idempotency_key)),
                obstacles,
            )
            for command in self._commands
        ]

    async def _with_shared_lines(self, obstacles: Obstacles) -> Obstacles:
        """Ask the lines that stand in other databases, and leave out those that are empty."""
        # Imported where there are several databases and somebody waits.
        from notification.delivery.shared_lines import ask_lines

        asked = await ask_lines(Obstacles({}, obstacles.lines), self._platform)
        waiting = {
            place: line for place, line in asked.lines.items() if line.next_slot > self._now_ms
        }
        return obstacles._replace(lines=waiting)

    async def _configs(self, rows: Sequence[Row]) -> dict[str, list[ChannelConfig]]:
        """Read the configurations of each recipient."""
        keys, known = KeyRing(self._platform), self._platform.memory.of(KnownConfigs)
        configs: dict[str, list[ChannelConfig]] = {}
        for row in rows:
            config = await read_config(row, keys, known.of_row(row, self._now_ms))
            configs.setdefault(config.user_id, []).append(config)
        for found in configs.values():
            known.put(found, self._now_ms)
        return configs

    def _template(self, rows: Sequence[Row]) -> StoredTemplate | None:
        template = read_template(rows)
        if template is not None:
            known = self._platform.memory.of(KnownTemplates)
            known.put(template.key, template, self._now_ms)
        return template


async def read_inputs(command: SendCommand, platform: Platform) -> SendInputs:
    """Read the inputs from the database in one round trip, and cache them.

    Raises:
        DatabaseError: the database did not answer.
    """
    asked = _Asked([command], platform)
    [inputs] = await asked.read(await platform.database.batch(asked.statements()))
    return inputs


async def read_all_inputs(
    commands: Sequence[SendCommand], platform: Platform
) -> tuple[list[SendInputs], int]:
    """Read the inputs of several sends in one round trip, and how often a send is retried.

    Raises:
        DatabaseError: the database did not answer.
    """
    # Imported when a batch first comes.
    from notification.delivery.schedule import SELECT_MAX_RETRIES, retries_allowed

    asked = _Asked(commands, platform)
    results = await platform.database.batch([*asked.statements(), SELECT_MAX_RETRIES])
    inputs = await asked.read(results[:-1])
    return inputs, retries_allowed(results[-1], platform)


def refuse_disabled(command: SendCommand, platform: Platform) -> None:
    """Refuse a send over a channel that this stack has switched off.

    Raises:
        ServiceError: INVALID_CHANNEL_TYPE.
    """
    for channel in command.channels:
        if base_channel(channel) in platform.settings.disabled_channels:
            raise ServiceError(
                "INVALID_CHANNEL_TYPE", f"Channel {channel} is switched off on this stack"
            )


def refuse_unsendable(command: SendCommand, inputs: SendInputs) -> None:
    """Refuse a send whose template or recipient isn't there.

    Raises:
        ServiceError: TEMPLATE_NOT_FOUND or USER_NO_CHANNELS.
    """
    if command.content is None and inputs.template is None:
        raise ServiceError("TEMPLATE_NOT_FOUND", f"Template not found: {command.template_key}")
    if not inputs.configs:
        raise ServiceError("USER_NO_CHANNELS", f"User {command.user_id} has no configured channels")
