"""How much room there is, and how long it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ops.database.stack_database import StackDatabase
from ops.observe.metrics.growth import Growth
from ops.observe.reports.section import Section
from ops.stacks.errors import OperationError, ServiceError
from ops.stacks.moment import counted, megabytes
from ops.stacks.service import ServiceClient

DATABASE_BYTES = 10 * 1000**3
"""The largest D1 database on a paid plan, by Cloudflare's limits."""

_DAYS = 60
_KEPT_DAYS = 30
_COUNT = "SELECT COUNT(*) AS n FROM notification_logs"


def capacity(service: ServiceClient, databases: Sequence[StackDatabase]) -> Section:
    """Project the notifications a day from the last sixty, and the databases' size from them."""
    section = Section("Capacity")
    start = (datetime.now(UTC) - timedelta(days=_DAYS)).strftime("%Y-%m-%d")
    try:
        query = {"metric": "accepted", "step": "day", "from": start}
        with service.understood("GET /api/stats/series"):
            answer = service.result("GET", "/api/stats/series", query=query)
            # The day that isn't over yet would pull the line down.
            counts = [float(point["value"]) for point in answer["data"]["points"]][:-1]
        sizes = [int(database.described().get("file_size") or 0) for database in databases]
        rows = sum(int(str(database.query(_COUNT)[0]["n"])) for database in databases)
    except (ServiceError, OperationError) as error:
        section.lines.append(f"not known: {error}")
        return section
    size, largest = sum(sizes), max(sizes)
    growth = Growth.through(counts)
    section.metrics = {"database_bytes": size, "rows": rows, "growth": None}
    share = f"{largest / DATABASE_BYTES:.2%} of D1's 10 GB"
    section.lines.append(
        f"database: {megabytes(size)}, {share}; {rows} rows"
        if len(sizes) == 1
        else f"{len(sizes)} databases: {megabytes(size)}; {rows} rows; the largest has "
        f"{megabytes(largest)}, {share}"
    )
    if growth is None:
        section.lines.append("growth isn't known: that needs seven days of notifications")
        return section
    section.metrics["growth"] = growth.document()
    section.lines.append(f"{growth.per_day:.1f} notifications a day, mean of {growth.days} days")
    section.lines += [
        f"in {counted(months, 'month')}: {growth.after(months * 30):.0f} a day"
        for months in (1, 3, 12)
    ]
    if rows and size:
        kept = growth.after(365) * _KEPT_DAYS * size / rows
        section.metrics["database_bytes_in_a_year"] = round(kept)
        section.lines.append(
            f"database in a year: {megabytes(kept)}, with {_KEPT_DAYS} days of notifications kept"
        )
    return section
