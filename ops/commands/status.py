"""``notifyctl status``: how the deployed service is."""

from __future__ import annotations

import json as json_text

import typer

from ops.commands.options import JsonOption, StackOption


def status(stack: StackOption = "local", json: JsonOption = False) -> None:
    """Show the deployed version and the service's health; exit with 6 where it isn't healthy."""
    from ops.errors import ServiceError
    from ops.stacks.endpoint import connect

    with connect(stack) as service:
        answer = service.call("GET", "/health")
    try:
        health = answer.json()
    except ValueError:
        health = {}
    document = {"stack": stack, "url": service.base_url, "health": health}
    if json:
        typer.echo(json_text.dumps(document, indent=2))
    else:
        deployment = health.get("deployment") or {}
        for name, value in (
            ("stack", stack),
            ("service", service.base_url),
            ("status", health.get("status", "unknown")),
            ("version", deployment.get("version_id", "unknown")),
            ("database", health.get("database", "unknown")),
            ("cache", health.get("cache", "unknown")),
            ("queues", health.get("queues", "unknown")),
        ):
            typer.echo(f"{name:<9} {value}")
    if answer.status_code != 200 or health.get("status") != "healthy":
        raise ServiceError(
            f"The service of '{stack}' isn't healthy: GET /health answered {answer.status_code}. "
            "'notifyctl logs' and 'notifyctl history' show what happened last.",
            status=answer.status_code,
        )
