"""What a send reads before it writes."""

from typing import NamedTuple

from notification.configuration.channel_config import ChannelConfig
from notification.configuration.config_reader import read_config
from notification.configuration.key_ring import KeyRing
from notification.journal import iso
from notification.ports.database import Row
from notification.ports.platform import Platform
from notification.sending.command import SendCommand
from notification.storage.config_rows import active_configs
from notification.storage.outbox import Guard, find_record
from notification.templates.stored_template import (
    StoredTemplate,
    active_template,
    read_template,
)


class Reading(NamedTuple):
    """Active configurations, the template where one is needed, and the record of an earlier
    request with the same key."""

    configs: list[ChannelConfig]
    template: StoredTemplate | None
    record: Row | None = None

    def guard(self) -> Guard:
        """The condition under which this reading still holds."""
        template = self.template
        return Guard(
            [(config.id, config.revision) for config in self.configs],
            None if template is None else (template.key, template.revision),
        )


def _template_key(command: SendCommand) -> str | None:
    return command.template_key if command.content is None else None


def recall(command: SendCommand, platform: Platform) -> Reading | None:
    """The reading from memory, if all of it is there."""
    now_ms = platform.clock.now_ms()
    configs = platform.known_configs.recall(command.user_id, command.channels, now_ms)
    platform.counters.recalled(configs is not None)
    key = _template_key(command)
    template = None if key is None else platform.known_templates.recall(key, now_ms)
    if configs is None or (key is not None and template is None):
        return None
    return Reading(configs, template)


def forget(command: SendCommand, platform: Platform) -> None:
    """Drop from memory what did not hold."""
    platform.known_configs.forget(command.user_id, command.channels)
    key = _template_key(command)
    if key is not None:
        platform.known_templates.forget(key)


async def read(command: SendCommand, platform: Platform) -> Reading:
    """The reading from the database, in one round trip; raises `DatabaseError`."""
    now_ms, key = platform.clock.now_ms(), _template_key(command)
    statements = [active_configs(command.user_id, command.channels)]
    if key is not None:
        statements.append(active_template(key))
    if command.idempotency_key is not None:
        statements.append(find_record(command.user_id, command.idempotency_key, iso(now_ms)))
    results = await platform.database.batch(statements)
    ring = KeyRing(platform)
    configs = [await read_config(row, ring) for row in results[0].rows]
    platform.known_configs.remember(configs, now_ms)
    template = None if key is None else read_template(results[1].rows)
    if template is not None:
        platform.known_templates.keep(template.key, template, now_ms)
    record = None
    if command.idempotency_key is not None and results[-1].rows:
        record = results[-1].rows[0]
    return Reading(configs, template, record)
