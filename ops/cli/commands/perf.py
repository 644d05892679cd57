"""``notifyctl perf``: how fast is the service?"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

import typer

from ops.cli.commands.options import JsonOption, StackOption, open_stack
from ops.cli.printing import say_json
from ops.observe.measuring.load import Load, Measured
from ops.stacks.console import Reporter
from ops.stacks.endpoint import connect
from ops.stacks.errors import VerificationFailed
from ops.stacks.moment import counted
from ops.stacks.service import ServiceClient
from ops.stacks.table import number


def perf(
    run: typer.Context,
    stack: StackOption = "local",
    requests: Annotated[
        int, typer.Option("--requests", "-n", min=1, max=100_000, help="Requests of each kind.")
    ] = 100,
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, max=64, help="Requests at once.")
    ] = 4,
    send: Annotated[
        str | None,
        typer.Option(
            "--send", metavar="URL", help="Also send notifications, to this webhook endpoint."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure the service from here: health, a signed read, and sends with --send.

    Times include the network. Exit with 5 if a request failed. Sent notifications stay in the log,
    under a user_id that begins with 'perf-'.

    Example: notifyctl perf --stack local --requests 200 --send http://127.0.0.1:8789/hook/perf
    """
    reporter = Reporter(json=True)
    with connect(open_stack(run, stack)) as service:
        kinds: list[tuple[str, str, dict[str, object] | None]] = [
            ("GET", "/health", None),
            ("GET", "/api/notification-logs?limit=20", None),
        ]
        if send is not None:
            kinds.append(("POST", "/api/notifications/send", _notification(service, send)))
        load = Load(
            service.base_url, service.api_secret_key, requests=requests, concurrency=concurrency
        )
    results = []
    for method, target, body in kinds:
        with reporter.step(f"{method} {target.partition('?')[0]}") as step:
            results.append(load.measure(method, target, body=body))
            why = f": {results[-1].why}" if results[-1].why else ""
            step.detail = f"{results[-1].failed} of {requests} failed{why}"
    documents = [result.document() for result in results]
    if json:
        document = {"stack": stack, "concurrency": concurrency, "results": documents}
        say_json(document)
    else:
        columns = ("requests", "failed", "per_second", "median_ms", "p95_ms", "max_ms")
        Reporter().table(
            "request",
            *(number(column.replace("_", " ")) for column in columns),
            rows=[
                (result.name, *(result.shown(column) for column in columns)) for result in results
            ],
        )
    if any(result.failed for result in results):
        raise VerificationFailed(verdict(results, stack), check="performance")


def verdict(results: Sequence[Measured], stack: str) -> str:
    """Say how many requests failed, and where to look."""
    failed = counted(sum(result.failed for result in results), "request")
    limited = sum(result.statuses.get(429, 0) for result in results)
    if limited:
        return (
            f"{failed} failed, {limited} of them by the service's rate limit (429). Make fewer "
            "--requests, or wait a minute."
        )
    return f"{failed} failed. 'notifyctl diagnose --stack {stack}' looks for the reason."


def _notification(service: ServiceClient, url: str) -> dict[str, object]:
    """Configure a user of its own, and return what is sent to it."""
    user = f"perf-{uuid.uuid4().hex[:12]}"
    config = {"user_id": user, "channel_type": "webhook", "config_data": {"webhook_url": url}}
    service.result("POST", "/api/user-configs", body=config)
    return {
        "user_id": user,
        "channels": ["webhook"],
        "custom_content": {"content": "Measurement {number}"},
    }
