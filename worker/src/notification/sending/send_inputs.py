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
from notification.delivery.schedule import SELECT_MAX_RETRIES, retries_allowed
from notification.errors import ServiceError
from notification.metrics.isolate_counters import IsolateCounters
from notification.ports.database import Result, Row, Statement
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.storage.config_rows import active_configs
from notification.storage.outbox import Guard, find_record
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

    def guard(self) -> Guard:
        """Return the condition under which the data is still what was read."""
        template = self.template
        return Guard(
            [(config.id, config.revision) for config in self.configs],
            None if template is None else (template.key, template.revision),
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


async def read_inputs(command: SendCommand, platform: Platform) -> SendInputs:
    """Read the inputs from the database in one round trip, and cache them.

    Raises:
        DatabaseError: the database did not answer.
    """
    results = await platform.database.batch(_statements(command, platform))
    inputs = await _inputs(command, results, platform)
    if platform.is_sharded and inputs.obstacles.lines:
        [inputs] = await _with_lines([inputs], platform)
    return inputs


async def read_all_inputs(
    commands: Sequence[SendCommand], platform: Platform
) -> tuple[list[SendInputs], int]:
    """Read the inputs of several sends in one round trip, and how often a send is retried.

    Raises:
        DatabaseError: the database did not answer.
    """
    statements = [_statements(command, platform) for command in commands]
    results = await platform.database.batch(
        [SELECT_MAX_RETRIES, *(each for group in statements for each in group)]
    )
    inputs, start = [], 1
    for command, group in zip(commands, statements, strict=True):
        end = start + len(group)
        inputs.append(await _inputs(command, results[start:end], platform))
        start = end
    if platform.is_sharded and any(each.obstacles.lines for each in inputs):
        inputs = await _with_lines(inputs, platform)
    return inputs, retries_allowed(results[0], platform)


async def _with_lines(inputs: Sequence[SendInputs], platform: Platform) -> list[SendInputs]:
    """Ask the lines that stand in other databases, and leave out those that are empty."""
    # Imported where there are several databases and somebody waits.
    from notification.delivery.shared_lines import ask_lines

    lines = {place: line for each in inputs for place, line in each.obstacles.lines.items()}
    asked = (await ask_lines(Obstacles({}, lines), platform)).lines
    now_ms = platform.clock.now_ms()
    found = []
    for each in inputs:
        waiting = {p: asked[p] for p in each.obstacles.lines if asked[p].next_slot > now_ms}
        found.append(each._replace(obstacles=each.obstacles._replace(lines=waiting)))
    return found


def _statements(command: SendCommand, platform: Platform) -> list[Statement]:
    key = _template_key(command)
    now_ms = platform.clock.now_ms()
    statements = [
        active_configs(command.user_id, command.channels),
        *select_obstacles(command.user_id, now_ms),
    ]
    if key is not None:
        statements.append(active_template(key))
    if command.idempotency_key is not None:
        statements.append(find_record(command.user_id, command.idempotency_key, iso(now_ms)))
    return statements


async def _inputs(
    command: SendCommand, results: Sequence[Result], platform: Platform
) -> SendInputs:
    now_ms, key = platform.clock.now_ms(), _template_key(command)
    keys, known = KeyRing(platform), platform.memory.of(KnownConfigs)
    configs = [await read_config(row, keys, known.of_row(row, now_ms)) for row in results[0].rows]
    known.put(configs, now_ms)
    template = None if key is None else read_template(results[3].rows)
    if template is not None:
        platform.memory.of(KnownTemplates).put(template.key, template, now_ms)
    record = None if command.idempotency_key is None else results[-1].row
    return SendInputs(configs, template, record, read_obstacles(results[1:3]))


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
