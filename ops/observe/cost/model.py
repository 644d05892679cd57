"""From the counts of one notification to a month's price, and to the limits that come first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ops.observe.cost.prices import (
    BASE_USD,
    D1_BATCHES_PER_SECOND,
    D1_INCLUDED_GB,
    D1_MAX_GB,
    D1_USD_PER_GB,
    FREE_CPU_MS,
    QUEUE_MESSAGES_PER_SECOND,
    RATES,
)

COUNTS_FILE = Path(__file__).with_name("counts.json")
DAYS = 30
"""A month, for limits per day."""
_CRONS = DAYS * 24 * 12
"""Firings of the cron: one every 5 minutes."""
_TIMES_COUNTED = 6 + 12 + 24
"""Each firing counts the newest two hours anew, and one in an hour the 25 before it
(`notification.tasks.roll_up`): half an hour's firings, the next hour's, and one in each of the 24
hours after that."""
_QUEUE_OPERATIONS_PER_RETRY = 3
"""Written, read, deleted (developers.cloudflare.com/queues/platform/pricing)."""


@dataclass(frozen=True)
class Counts:
    """What was metered on the local cloud, of one notification over one channel.

    Attributes:
        send: counts of a delivered send by resource, the recipient's configuration known.
        key: counts that an idempotency key adds.
        cold: counts that are added where the isolate doesn't know the recipient's configuration.
        counted: counts of each time that the cron counts it for the metrics.
        retry: counts that each retry adds, the queue's operations apart.
        removal: counts of its removal by the cron.
        cron: counts of one firing of the cron that finds nothing to do.
        round_trips: D1 batches of a send.
        bytes_per_row: bytes that it takes in the database, index entries included.
    """

    send: Mapping[str, float]
    key: Mapping[str, float]
    cold: Mapping[str, float]
    counted: Mapping[str, float]
    retry: Mapping[str, float]
    removal: Mapping[str, float]
    cron: Mapping[str, float]
    round_trips: float
    bytes_per_row: float

    @classmethod
    def load(cls, file: Path = COUNTS_FILE) -> Counts:
        """Read the counts that the tests hold against the running service."""
        document = json.loads(file.read_text(encoding="utf-8"))
        return cls(**{name: document[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A month's work.

    Attributes:
        monthly: notifications, each over one channel.
        retry_share: retries for each notification.
        key_share: share of the sends with an idempotency key; the Python SDK gives every send one.
        cold_share: share of the sends whose configuration isn't known to the isolate.
        log_sampling: share of the calls whose logs are kept (`observabilitySampling`).
        retention_hours: how long notifications are kept (`cleanup_retention_hours`).
        cpu_ms: CPU time of one send in place of the metered one.
        databases: how many databases the recipients are spread over evenly (`shards`).
    """

    monthly: float
    retry_share: float = 0.02
    key_share: float = 1.0
    cold_share: float = 0.05
    log_sampling: float = 1.0
    retention_hours: float = 168.0
    cpu_ms: float | None = None
    databases: int = 1

    @property
    def of_databases(self) -> str:
        """Say whose limits those of D1 are."""
        return (
            "one D1 database" if self.databases == 1 else f"each of {self.databases} D1 databases"
        )


@dataclass(frozen=True)
class Limit:
    """How many notifications a month a limit allows."""

    what: str
    monthly: float


@dataclass(frozen=True)
class Cost:
    """A month on both plans.

    Attributes:
        monthly: notifications of the month.
        usage: counts of the month by resource.
        stored_gb: what lies in the database.
        parts: US dollars on the paid plan by resource, the plan's own price among them.
        free_limits: what ends the free plan, the lowest first.
        paid_limits: what ends the databases or a queue on the paid plan, the lowest first.
    """

    monthly: float
    usage: Mapping[str, float]
    stored_gb: float
    parts: Mapping[str, float]
    free_limits: tuple[Limit, ...]
    paid_limits: tuple[Limit, ...]

    @property
    def fits_free_plan(self) -> bool:
        """Whether the month stays below every limit of the free plan, which then costs nothing."""
        return all(limit.monthly > self.monthly for limit in self.free_limits)

    @property
    def usd(self) -> float:
        """The month's price on the paid plan."""
        return sum(self.parts.values())


def month(counts: Counts, work: Workload) -> Cost:
    """Return what a month's work costs and where its limits are."""
    usage = _usage(counts, work)
    stored = work.monthly / DAYS / 24 * work.retention_hours * counts.bytes_per_row / 1e9
    parts = {"the paid plan": BASE_USD}
    for rate in RATES:
        beyond = max(0.0, usage[rate.resource] - rate.included)
        parts[rate.unit] = beyond / 1e6 * rate.usd_per_million
    parts["D1 storage"] = max(0.0, stored - D1_INCLUDED_GB) * D1_USD_PER_GB
    free, paid = _free_limits(counts, work), _paid_limits(counts, work)
    return Cost(work.monthly, usage, stored, parts, free, paid)


def _usage(counts: Counts, work: Workload) -> dict[str, float]:
    """Add up a month by resource."""
    each = _per_notification(counts, work)
    usage = {
        rate.resource: work.monthly * each[rate.resource]
        + _CRONS * counts.cron.get(rate.resource, 0.0)
        for rate in RATES
    }
    usage["log_events"] *= work.log_sampling
    return usage


def _per_notification(counts: Counts, work: Workload) -> dict[str, float]:
    each = {
        rate.resource: counts.send.get(rate.resource, 0.0)
        + work.key_share * counts.key.get(rate.resource, 0.0)
        + work.retry_share * counts.retry.get(rate.resource, 0.0)
        + work.cold_share * counts.cold.get(rate.resource, 0.0)
        + _TIMES_COUNTED * counts.counted.get(rate.resource, 0.0)
        + counts.removal.get(rate.resource, 0.0)
        for rate in RATES
    }
    each["queue_operations"] += work.retry_share * _QUEUE_OPERATIONS_PER_RETRY
    if work.cpu_ms is not None:
        each["cpu_ms"] = work.cpu_ms * (1 + work.retry_share)
    return each


def _free_limits(counts: Counts, work: Workload) -> tuple[Limit, ...]:
    """Return each limit of the free plan as notifications a month, the lowest first."""
    each = _per_notification(counts, work)
    each["log_events"] *= work.log_sampling
    limits = []
    for rate in RATES:
        idle = _CRONS / DAYS * counts.cron.get(rate.resource, 0.0)
        if each[rate.resource] > 0 and rate.free_daily < float("inf"):
            left = max(0.0, rate.free_daily - idle)
            limits.append(Limit(f"{rate.unit} a day", left / each[rate.resource] * DAYS))
    # The calls of several databases' crons are more than the free plan has.
    limits.append(_size_limit(counts, replace(work, databases=1), "free"))
    if each["cpu_ms"] > FREE_CPU_MS:
        limits.append(Limit("10 ms of CPU time a call", 0.0))
    return _lowest_first(limits)


def _paid_limits(counts: Counts, work: Workload) -> tuple[Limit, ...]:
    """Return what the databases and one queue can take at a steady rate, the lowest first."""
    seconds = DAYS * 86_400
    rate = D1_BATCHES_PER_SECOND * work.databases
    batches = counts.round_trips + work.retry_share * counts.retry.get("round_trips", 0.0)
    batches += work.cold_share * counts.cold.get("round_trips", 0.0)
    limits = [
        _size_limit(counts, work, "paid"),
        Limit(f"batches a second of {work.of_databases}", rate / batches * seconds),
    ]
    if work.retry_share:
        messages = QUEUE_MESSAGES_PER_SECOND / work.retry_share * seconds
        limits.append(Limit("messages a second of the retry queue", messages))
    return _lowest_first(limits)


def _size_limit(counts: Counts, work: Workload, plan: str) -> Limit:
    rows = D1_MAX_GB[plan] * 1e9 / counts.bytes_per_row * work.databases
    return Limit(
        f"{D1_MAX_GB[plan]:g} GB of {work.of_databases}", rows / work.retention_hours * 24 * DAYS
    )


def _lowest_first(limits: list[Limit]) -> tuple[Limit, ...]:
    return tuple(sorted(limits, key=lambda limit: limit.monthly))
