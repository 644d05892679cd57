"""``notifyctl templates``: the service's stored templates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import json_text as printed
from ops.cli.printing import say, say_json
from ops.stacks.bounded_json import parse_bounded
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connected
from ops.stacks.json_file import read_json_object
from ops.stacks.table import whole

app = typer.Typer(no_args_is_help=True, help="List, show, save, preview and switch off templates.")

KeyArgument = Annotated[str, typer.Argument(help="The template's key.")]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", "-c", help="Only this channel.  [every channel]")
]


@app.command("list")
def list_(
    run: typer.Context,
    stack: StackOption = "local",
    channel: ChannelOption = None,
    inactive: Annotated[
        bool, typer.Option("--inactive", help="Include templates that are switched off.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List the stored templates."""
    with connected(open_stack(run, stack)) as client:
        found = list(client.templates.iterate(channel=channel, include_inactive=inactive))
    if json:
        document = [
            {"key": each.key, "name": each.name, "is_active": each.is_active,
             "channels": each.channels, "variables": each.variables}
            for each in found
        ]  # fmt: skip
        say_json(document)
        return
    Reporter().table(
        whole("key"),
        "name",
        "active",
        "channels",
        "variables",
        rows=[
            (
                each.key,
                each.name,
                "yes" if each.is_active else "no",
                ", ".join(each.channels),
                ", ".join(each.variables),
            )
            for each in found
        ],
    )


@app.command()
def show(run: typer.Context, key: KeyArgument, stack: StackOption = "local") -> None:
    """Print a template as a JSON document, which ``templates set`` takes."""
    with connected(open_stack(run, stack)) as client:
        template = client.templates.get(key)
    contents = {
        content.channel: {
            "content_type": content.content_type,
            "subject_template": content.subject_template,
            "content_template": content.content_template,
            "extra_config": content.extra_config,
        }
        for content in template.contents
    }
    document = {
        "name": template.name,
        "description": template.description,
        "variables": template.variables,
        "is_active": template.is_active,
        "contents": contents,
    }
    say(printed(document))


@app.command("set")
def set_(
    run: typer.Context,
    key: KeyArgument,
    file: Annotated[
        Path, typer.Option("--file", "-f", help="JSON as 'templates show' prints it; - reads it.")
    ],
    stack: StackOption = "local",
) -> None:
    """Save a template. Fields that the document leaves out stay as they are."""
    document = read_json_object(file)
    known = {"name", "description", "variables", "is_active", "contents"}
    if unknown := sorted(document.keys() - known):
        raise typer.BadParameter(
            f"{file}: unknown field {unknown[0]!r}; a template has {', '.join(sorted(known))}",
            param_hint="--file",
        )
    with connected(open_stack(run, stack)) as client:
        client.templates.update(key, **document)
    say(f"Saved {key}.")


@app.command()
def render(
    run: typer.Context,
    key: KeyArgument,
    stack: StackOption = "local",
    variable: Annotated[
        list[str] | None,
        typer.Option("--variable", "-v", help="NAME=VALUE; a value that is JSON is read as JSON."),
    ] = None,
    channel: ChannelOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a template would send, without sending."""
    variables = {}
    for given in variable or []:
        name, equals, text = given.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{given!r} isn't NAME=VALUE", param_hint="--variable")
        try:
            variables[name] = parse_bounded(text)
        except ValueError:
            variables[name] = text
    with connected(open_stack(run, stack)) as client:
        previews = client.templates.render(key, variables, channel=channel)
    if json:
        document = {
            name: {"subject": each.subject, "content": each.content,
                   "content_type": each.content_type,
                   "missing_variables": each.missing_variables, "error": each.error}
            for name, each in previews.items()
        }  # fmt: skip
        say(printed(document))
        return
    for name, each in previews.items():
        say(f"{name} ({each.content_type})")
        if each.error:
            say(f"  error: {each.error}")
        for line in [*([f"Subject: {each.subject}"] if each.subject else []), each.content]:
            say("  " + line.replace("\n", "\n  "))
        if each.missing_variables:
            say(f"  missing: {', '.join(each.missing_variables)}")


@app.command()
def delete(run: typer.Context, key: KeyArgument, stack: StackOption = "local") -> None:
    """Switch a template off. It keeps its contents; saving it switches it on again."""
    with connected(open_stack(run, stack)) as client:
        client.templates.delete(key)
    say(f"Switched {key} off.")
