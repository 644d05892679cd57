"""``notifyctl notifications``: look at some, send them again, or let them be."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from notification_sdk import LogEntry
from ops.cli.commands.filters import (
    ChannelOption,
    CodeOption,
    SinceOption,
    TemplateOption,
    UntilOption,
    UserOption,
    selection,
)
from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.observe.notifications import advice, by_id, code_of, discard, retry_in_bulk
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connect, connected
from ops.stacks.errors import UsageError
from ops.stacks.moment import counted, shown_time
from ops.stacks.table import number, whole

app = typer.Typer(
    no_args_is_help=True, help="Show notifications, send failed ones again, or discard them."
)

IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="Message ids, request ids or numbers of rows."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


@app.command()
def show(
    run: typer.Context,
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="A message id, a request id or a row's number.")
    ],
    stack: StackOption = "local",
    json: JsonOption = False,
) -> None:
    """Show everything about a notification: its attempts and their answers."""
    with connected(open_stack(run, stack)) as client:
        found = [client.logs.get(entry.id) for entry in by_id(client, identifier)]
    if json:
        say_json([entry.document for entry in found])
        return
    reporter = Reporter()
    for at, entry in enumerate(found):
        if at:
            reporter.line("")
        _show_one(entry, reporter)


def _show_one(entry: LogEntry, reporter: Reporter) -> None:
    for name, value in (
        ("id", entry.message_id),
        ("row", str(entry.id)),
        ("request", entry.request_id),
        ("user", entry.user_id),
        ("channel", entry.channel),
        ("template", entry.template_key),
        ("subject", entry.subject),
        ("status", entry.status),
        ("accepted", shown_time(entry.created_at)),
        ("sent", shown_time(entry.sent_at)),
        ("next try", shown_time(entry.next_retry_at)),
        ("error", " ".join(filter(None, (code_of(entry), entry.error)))),
    ):
        if value:
            reporter.line(f"{name:<9} {value}")
    reporter.line(counted(len(entry.attempts), "attempt"))
    if entry.attempts:
        reporter.table(
            whole("  at"),
            number("took"),
            number("answer"),
            "error",
            rows=[
                (
                    f"  {shown_time(each.at)}",
                    f"{each.duration_ms} ms",
                    str(each.status_code or "-"),
                    " ".join(filter(None, (each.code, each.error))),
                )
                for each in entry.attempts
            ],
        )
    if told := advice(code_of(entry), entry.user_id, entry.channel):
        reporter.line(f"→ {told}")
    if entry.status == "failed":
        reporter.line(f"→ Send it again: notifyctl notifications retry {entry.message_id}")


@app.command()
def retry(
    run: typer.Context,
    identifiers: IdsArgument = None,
    stack: StackOption = "local",
    user: UserOption = None,
    channel: ChannelOption = None,
    template: TemplateOption = None,
    code: CodeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    json: JsonOption = False,
) -> None:
    """Send failed notifications again: the named ones, or all that match the options.

    Without either, it chooses those of the last day whose failure may be temporary. A notification
    is never sent again to a channel that has confirmed it. Exit with 1 if some match but none was
    queued.

    Example: notifyctl notifications retry --channel slack --since 3h
    """
    chosen = selection(
        user=user, channel=channel, template=template, code=code, since=since, until=until
    )
    body = chosen.redrive_body()
    context = open_stack(run, stack)
    if identifiers:
        if body:
            raise UsageError("Give ids or options, not both: ids name their notifications already.")
        with connected(context) as client:
            rows = [entry for each in identifiers for entry in by_id(client, each)]
        failed = [entry for entry in rows if entry.status == "failed"]
        with connected(context) as client:
            queued = sum(client.retry.trigger(entry.id) for entry in failed)
        reason = {
            "reason": "not_failed",
            "count": len(rows) - len(failed),
            "explanation": "they haven't failed",
        }
        result: dict[str, Any] = {
            "matched": len(rows),
            "queued": queued,
            "skipped": [reason] if reason["count"] else [],
        }
    else:
        with connect(context) as service:
            result = retry_in_bulk(service, body)
    if json:
        say_json(result)
    else:
        reporter = Reporter()
        reporter.line(
            f"{counted(result['matched'], 'failed notification')} found, "
            f"{result['queued']:,} queued to be sent again."
        )
        for each in result["skipped"]:
            reporter.line(f"  {each['count']:,} left out: {each['explanation']}")
    if result["matched"] and not result["queued"]:
        raise typer.Exit(code=1)


@app.command("discard")
def discard_(
    run: typer.Context,
    identifiers: IdsArgument = None,
    stack: StackOption = "local",
    user: UserOption = None,
    channel: ChannelOption = None,
    template: TemplateOption = None,
    code: CodeOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Discard failed notifications: they no longer count as open.

    They stay in the log. Name ids, or give at least one option.

    Example: notifyctl notifications discard --user ada --until 7d
    """
    chosen = selection(
        user=user,
        channel=channel,
        status="failed",
        template=template,
        code=code,
        since=since,
        until=until,
    )
    if bool(identifiers) == bool(chosen.redrive_body()):
        raise UsageError("Say which ones: ids, or options such as --user, --code or --until.")
    context = open_stack(run, stack)
    with connected(context) as client:
        if identifiers:
            found = [entry for each in identifiers for entry in by_id(client, each)]
        else:
            found = list(chosen.find(client))
    ids = [entry.id for entry in found if entry.status == "failed"]
    if ids and not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                f"This discards {counted(len(ids), 'failed notification')}: give --yes, or run it "
                "on a terminal."
            )
        typer.confirm(f"Discard {counted(len(ids), 'failed notification')}?", abort=True, err=True)
    with connect(context) as service:
        done = discard(service, ids) if ids else 0
    if json:
        say_json({"matched": len(found), "discarded": done})
        return
    Reporter().line(f"{counted(done, 'notification')} discarded.")
