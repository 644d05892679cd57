"""Notifications that can't be attempted at once: scheduled, held, or in line at an endpoint."""

from notification.channels.channel import DEFAULT_PACE, Pace
from notification.channels.pace import pace_of
from notification.configuration.channel_config import ChannelConfig
from notification.sending.command import SendCommand
from notification.sending.draft import Wait
from notification.sending.send_inputs import SendInputs
from notification.settings import Settings
from notification.timestamps import from_iso, iso


def waits_of(
    command: SendCommand,
    inputs: SendInputs,
    settings: Settings,
    now_ms: int,
    places: dict[str, int],
) -> dict[str, tuple[Wait, Pace]]:
    """Return the channels that can't be attempted at once: until when, and at which pace."""
    waits = {}
    for config in inputs.configs:
        endpoint = (command.user_id, config.channel)
        planned = _planned(command, config, now_ms)
        if planned is not None:
            waits[config.channel] = (Wait(planned, send_at=iso(planned)), DEFAULT_PACE)
            continue
        held_until = inputs.obstacles.held_until(*endpoint)
        line = inputs.obstacles.lines.get(endpoint)
        if held_until is None and line is None:
            continue
        times = [now_ms]
        if held_until is not None:
            times.append(from_iso(held_until))
        if line is not None:
            times.append(line.next_slot)
        pace = pace_of(config.channel, config.config, settings)
        taken = places.get(config.line, 0)
        places[config.line] = taken + 1
        until_ms = max(times) + taken * pace.interval_ms
        waits[config.channel] = (Wait(until_ms, held_until), pace)
    return waits


def _planned(command: SendCommand, config: ChannelConfig, now_ms: int) -> int | None:
    """Return when a notification is due that its sender or its recipient's quiet hours put off.

    Holds and lines are met when that time has come.
    """
    planned = max(now_ms, from_iso(command.send_at)) if command.send_at else now_ms
    if not command.urgent and (config.config or {}).get("quiet_hours"):
        # Imported when a recipient first has quiet hours.
        from notification.channels.quiet_hours import quiet_until

        planned = quiet_until(config.config, planned) or planned
    return planned if planned > now_ms else None
