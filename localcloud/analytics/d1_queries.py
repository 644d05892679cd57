"""The data sets of D1: `d1QueriesAdaptiveGroups` by statement, `d1AnalyticsAdaptiveGroups` by hour.

Both count the statements that came through the REST API since the local cloud started. What a
Worker asks of its database goes past the control plane and isn't counted.
"""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localcloud.analytics.query_document import Field, QueryError, milliseconds

QUERIES = "d1QueriesAdaptiveGroups"
BY_HOUR = "d1AnalyticsAdaptiveGroups"
MAX_KINDS = 1000  # statements that are told apart; the oldest go
_HOUR_MS = 3_600_000
_FILTERS = ("databaseId", "datetimeHour_geq", "datetimeHour_leq")
_READING = re.compile(r"\s*(SELECT|PRAGMA|EXPLAIN|WITH)\b", re.IGNORECASE)
_FIGURES = {
    "queryDurationMs": "duration",
    "rowsRead": "rows_read",
    "rowsWritten": "rows_written",
    "rowsReturned": "rows_returned",
    "readQueries": "reads",
    "writeQueries": "writes",
}


@dataclass
class _Count:
    """What was counted of one statement in one hour."""

    count: int = 0
    duration: float = 0.0
    rows_read: int = 0
    rows_written: int = 0
    rows_returned: int = 0
    reads: int = 0
    writes: int = 0


class QueryCounts:
    """Counts by database, statement and hour."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str, int], _Count] = OrderedDict()

    def add(self, database_id: str, sql: str, result: Mapping[str, Any], now_ms: int) -> None:
        """Count one statement; `result` is the store's, its duration in milliseconds."""
        key = (database_id, sql, now_ms // _HOUR_MS * _HOUR_MS)
        found = self._counts.setdefault(key, _Count())
        meta, rows = result.get("meta", {}), result.get("results", [])
        found.count += 1
        found.duration += float(meta.get("duration", 0))
        found.rows_read += int(meta.get("rows_read", 0))
        found.rows_written += int(meta.get("rows_written", 0))
        found.rows_returned += len(rows["rows"] if isinstance(rows, dict) else rows)
        is_reading = _READING.match(sql) is not None
        found.reads += is_reading
        found.writes += not is_reading
        while len(self._counts) > MAX_KINDS:
            self._counts.popitem(last=False)

    def groups(self, field: Field) -> list[dict[str, Any]]:
        """Answer one data set of a query. Raises QueryError."""
        wanted = field.filters(_FILTERS)
        dimension = "query" if field.name == QUERIES else "datetimeHour"
        grouped: dict[str, list[_Count]] = defaultdict(list)
        for (database_id, sql, hour_ms), count in self._counts.items():
            if wanted.get("databaseId") in {None, database_id} and _within(wanted, hour_ms):
                grouped[sql if dimension == "query" else _hour(hour_ms)].append(count)
        found = [(_shown(field, dimension, key, counts), counts) for key, counts in grouped.items()]
        for order in reversed(_orders(field)):
            name, _, direction = order.rpartition("_")
            found.sort(key=lambda item: _figure(name, item[1]), reverse=direction == "DESC")
        return [shown for shown, _ in found[: field.limit()]]


def _within(wanted: Mapping[str, Any], hour_ms: int) -> bool:
    start, end = wanted.get("datetimeHour_geq"), wanted.get("datetimeHour_leq")
    after = start is None or hour_ms + _HOUR_MS > milliseconds(start)
    return after and (end is None or hour_ms <= milliseconds(end))


def _hour(hour_ms: int) -> str:
    return datetime.fromtimestamp(hour_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _orders(field: Field) -> Sequence[str]:
    given = field.arguments.get("orderBy") or []
    orders = [str(order) for order in (given if isinstance(given, list) else [given])]
    for order in orders:
        if not order.endswith(("_ASC", "_DESC")):
            raise QueryError(f'unknown order "{order}"')
        _figure(order.rpartition("_")[0], [])
    return orders


def _figure(name: str, counts: Sequence[_Count]) -> float:
    """`count`, or a sum or an average such as `sum_rowsRead`. Raises QueryError."""
    total = sum(count.count for count in counts)
    if name == "count":
        return total
    kind, _, figure = name.partition("_")
    if kind not in {"sum", "avg"} or figure not in _FIGURES:
        raise QueryError(f'unknown field "{name}"')
    added = float(sum(getattr(count, _FIGURES[figure]) for count in counts))
    return added if kind == "sum" else added / max(total, 1)


def _shown(field: Field, dimension: str, key: str, counts: Sequence[_Count]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in field.below:
        if part.name == "count":
            found["count"] = _figure("count", counts)
        elif part.name == "dimensions":
            for asked in part.below:
                if asked.name != dimension:
                    raise QueryError(f'unknown field "{asked.name}"')
            found["dimensions"] = {dimension: key}
        else:
            found[part.name] = {
                asked.name: _figure(f"{part.name}_{asked.name}", counts) for asked in part.below
            }
    return found
