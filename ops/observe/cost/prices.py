"""Cloudflare's prices and the free plan's limits, as published on the date below."""

from __future__ import annotations

from dataclasses import dataclass

READ_ON = "2026-11-29"
"""When the pages named in `RATES` were read last."""
BASE_USD = 5.0
"""The paid plan's price a month (developers.cloudflare.com/workers/platform/pricing)."""
_PRICES = "developers.cloudflare.com"


@dataclass(frozen=True)
class Rate:
    """What one resource costs.

    Attributes:
        resource: its key in a `Usage`.
        unit: what is counted.
        free_daily: how many the free plan allows in a day.
        included: how many the paid plan includes in a month.
        usd_per_million: what each further million costs on the paid plan.
        source: the page that says so.
    """

    resource: str
    unit: str
    free_daily: float
    included: float
    usd_per_million: float
    source: str


RATES = (
    Rate("requests", "requests", 100_000, 10e6, 0.30, f"{_PRICES}/workers/platform/pricing"),
    # The free plan limits CPU time per invocation (10 ms), not per day.
    Rate("cpu_ms", "CPU ms", float("inf"), 30e6, 0.02, f"{_PRICES}/workers/platform/pricing"),
    Rate("rows_read", "rows read", 5e6, 25e9, 0.001, f"{_PRICES}/d1/platform/pricing"),
    Rate("rows_written", "rows written", 100_000, 50e6, 1.00, f"{_PRICES}/d1/platform/pricing"),
    Rate("kv_reads", "KV reads", 100_000, 10e6, 0.50, f"{_PRICES}/kv/platform/pricing"),
    Rate("kv_writes", "KV writes", 1_000, 1e6, 5.00, f"{_PRICES}/kv/platform/pricing"),
    Rate("queue_operations", "queue operations", 10_000, 1e6, 0.40,
         f"{_PRICES}/queues/platform/pricing"),
    Rate("log_events", "log events", 200_000, 20e6, 0.60,
         f"{_PRICES}/workers/observability/logs/workers-logs"),
)  # fmt: skip

FREE_CPU_MS = 10.0
"""Of one invocation on the free plan (developers.cloudflare.com/workers/platform/limits)."""
D1_INCLUDED_GB = 5.0
"""Storage that either plan includes; the free plan has no more."""
D1_USD_PER_GB = 0.75
"""A GB-month of D1 storage beyond that (developers.cloudflare.com/d1/platform/pricing)."""
D1_MAX_GB = {"free": 0.5, "paid": 10.0}
"""The largest database (developers.cloudflare.com/d1/platform/limits)."""
D1_BATCHES_PER_SECOND = 1_000
"""One database runs one query after another: at 1 ms each about a thousand a second (same page)."""
QUEUE_MESSAGES_PER_SECOND = 5_000
"""Of one queue (developers.cloudflare.com/queues/platform/limits)."""
