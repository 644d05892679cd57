"""``notifyctl cost``: what a month costs at Cloudflare."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from infra.settings.values import MAX_SHARDS
from ops.cli.commands.options import JsonOption
from ops.cli.printing import say, say_json
from ops.observe.cost.model import Counts, Workload, month
from ops.observe.cost.page import chart, lines
from ops.observe.cost.prices import READ_ON

MAX_MONTHLY = 10**12
MAX_HOURS = 10 * 365 * 24.0
MAX_CPU_MS = 300_000.0
"""Five minutes, the most that an invocation may take (developers.cloudflare.com/workers/platform/
limits)."""


def cost(
    monthly: Annotated[
        int,
        typer.Option(
            "--monthly",
            min=1,
            max=MAX_MONTHLY,
            help="Notifications a month, over one channel each.",
        ),
    ],
    retry_share: Annotated[
        float, typer.Option("--retry-share", min=0, max=10, help="Retries for each notification.")
    ] = 0.02,
    key_share: Annotated[
        float, typer.Option("--key-share", min=0, max=1, help="Sends with an idempotency key.")
    ] = 1.0,
    sampling: Annotated[
        float, typer.Option("--log-sampling", min=0, max=1, help="Calls whose logs are kept.")
    ] = 1.0,
    retention: Annotated[
        float,
        typer.Option(
            "--retention-hours", min=1, max=MAX_HOURS, help="How long notifications are kept."
        ),
    ] = 168.0,
    cpu_ms: Annotated[
        float | None,
        typer.Option(
            "--cpu-ms",
            min=0,
            max=MAX_CPU_MS,
            help="CPU time of a send.  [as metered on one machine]",
        ),
    ] = None,
    databases: Annotated[
        int,
        typer.Option("--databases", min=1, max=MAX_SHARDS, help="Databases, as `shards` says."),
    ] = 1,
    json: JsonOption = False,
) -> None:
    """Compute a month's cost on Cloudflare's plans, and the limits that are reached first.

    The counts of one notification are metered on the local cloud; the prices are dated.
    """
    counts = Counts.load()
    work = Workload(
        monthly=monthly,
        retry_share=retry_share,
        key_share=key_share,
        log_sampling=sampling,
        retention_hours=retention,
        cpu_ms=cpu_ms,
        databases=databases,
    )
    found = month(counts, work)
    if json:
        document = {"prices_of": READ_ON, "usd": round(found.usd, 2), **asdict(found)}
        document["fits_free_plan"] = found.fits_free_plan
        say_json(document)
        return
    say("\n".join([*lines(work, found), "", "US dollars a month:", *chart(counts, work)]))
