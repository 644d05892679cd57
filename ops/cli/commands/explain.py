"""``notifyctl explain``: why does a user get nothing?"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from shlex import quote
from typing import Annotated

import typer

from notification_sdk import ChannelConfig, LogEntry
from ops.cli.commands.logs import show_list
from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.observe.notifications import Selection, advice, code_of
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connected
from ops.stacks.moment import counted, lasted, shown_time

_LAST = 200


def explain(
    run: typer.Context,
    user: Annotated[str, typer.Argument(help="The service's user_id.")],
    stack: StackOption = "local",
    json: JsonOption = False,
) -> None:
    """Say why a user gets nothing: configurations, last attempts, answers, and what to do.

    It looks at the newest 200 notifications. Exit with 1 if no channel reaches the user.
    """
    with connected(open_stack(run, stack)) as client:
        configs = list(client.configs.iterate(user))
        last = list(islice(Selection(user=user).find(client), _LAST))
    lines, is_reached = _told(user, configs, last)
    if json:
        document = {
            "user_id": user,
            "reached": is_reached,
            "told": lines,
            "last": [entry.document for entry in last[:10]],
        }
        say_json(document)
    else:
        reporter = Reporter()
        for line in lines:
            reporter.line(line)
        if last:
            reporter.line("")
            show_list(last[:5], reporter)
    if not is_reached:
        raise typer.Exit(code=1)


def _told(user: str, configs: list[ChannelConfig], last: list[LogEntry]) -> tuple[list[str], bool]:
    """Return what there is to say, a line each, and whether some channel reaches the user."""
    if not configs and not last:
        said = f"The service knows no user '{user}': no configuration, and nothing was ever sent."
        step = f"notifyctl users set {quote(user)} --channel webhook"
        return [said, f"→ Configure a channel: {step}"], False
    lines, is_reached = [], False
    if not last:
        lines.append(f"Nothing was ever sent to '{user}': the caller doesn't name this user_id.")
    channels = {each.channel: each for each in configs}
    for channel in sorted(channels.keys() | {entry.channel for entry in last}):
        config = channels.get(channel)
        own = [entry for entry in last if entry.channel == channel]
        said, next_step, reaches = _of_channel(user, channel, config, own)
        is_reached = is_reached or reaches
        lines.append(f"{channel}: {said}")
        if next_step:
            lines.append(f"  → {next_step}")
    return lines, is_reached


def _of_channel(
    user: str, channel: str, config: ChannelConfig | None, own: list[LogEntry]
) -> tuple[str, str, bool]:
    """Return what is so, what to do, and whether the channel reaches the user."""
    whom = f"{quote(user)} --channel {quote(channel)}"
    if config is None:
        return "not configured", advice("CHANNEL_NOT_CONFIGURED", user, channel), False
    if config.error:
        return config.error, advice("INVALID_CONFIG", user, channel), False
    if not config.is_active:
        step = f"Switch it on: notifyctl users set {whom} --active"
        return "configured, and switched off", step, False
    if not own:
        step = f"Try it: notifyctl users test {whom}"
        return "configured, and never used", step, True
    newest = own[0]
    age = lasted((datetime.now(UTC) - newest.created_at).total_seconds())
    when = f"{shown_time(newest.created_at)} ({age} ago)"
    failed = sum(entry.status == "failed" for entry in own)
    counts = f"{failed} of the last {counted(len(own), 'notification')} failed"
    if newest.status == "sent":
        return f"reached, last at {when}; {counts}", "", True
    reason = " ".join(filter(None, (code_of(newest), newest.error))) or "no error yet"
    step = advice(code_of(newest), user, channel)
    if newest.status == "failed":
        mended = f"then: notifyctl notifications retry --user {whom}"
        return f"failed, last at {when}: {reason}; {counts}", f"{step}; {mended}", False
    following = f", next try {shown_time(newest.next_retry_at)}" if newest.next_retry_at else ""
    return f"{newest.status} since {when}: {reason}{following}; {counts}", step, True
