"""The data set `workersInvocationsAdaptive`: requests of Workers over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

from localcloud.analytics.query_document import Field, QueryError, milliseconds

NAME = "workersInvocationsAdaptive"
_SUMS = ("requests", "errors")
_WALL = {"wallTimeP50": 0.5, "wallTimeP90": 0.9, "wallTimeP95": 0.95, "wallTimeP99": 0.99}
# workerd tells neither the CPU time nor the memory of an invocation.
_UNKNOWN = {
    "quantiles": ("cpuTimeP50", "cpuTimeP99"),
    "max": ("cpuTime", "memoryUsageBytes"),
}
_DIMENSIONS = ("scriptName", "scriptVersion", "datetimeMinute")
_FILTERS = ("scriptName", "datetime_geq", "datetime_leq")


def worker_invocations(field: Field, minutes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups that the query asks for; `minutes` as the host counts them.

    Times are in microseconds, as Cloudflare has them. Raises QueryError.
    """
    chosen = _filtered(field.filters(_FILTERS), minutes)
    dimensions = field.child("dimensions")
    names = [part.name for part in dimensions.below] if dimensions else []
    for name in names:
        if name not in _DIMENSIONS:
            raise QueryError(f'unknown field "{name}"')
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for minute in chosen:
        groups[tuple(_dimension(name, minute) for name in names)].append(minute)
    limit = field.limit()
    figures = [part for part in field.below if part.name != "dimensions"]
    for part in figures:
        _aggregate(part, ())  # an unknown field is refused even where there is nothing to count
    return [
        {
            part.name: dict(zip(names, key, strict=True))
            if part.name == "dimensions"
            else _aggregate(part, group)
            for part in field.below
        }
        for key, group in list(groups.items())[:limit]
    ]


def _filtered(
    wanted: Mapping[str, Any], minutes: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    start, end = wanted.get("datetime_geq"), wanted.get("datetime_leq")
    from_ms = None if start is None else milliseconds(start)
    until_ms = None if end is None else milliseconds(end)
    script = wanted.get("scriptName")
    return [
        minute
        for minute in minutes
        if (from_ms is None or minute["start"] + 60_000 > from_ms)
        and (until_ms is None or minute["start"] <= until_ms)
        and script in (None, minute["script"])
    ]


def _aggregate(part: Field, group: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    durations = sorted(ms for minute in group for ms in minute["durations"])
    found: dict[str, Any] = {}
    for asked in part.below:
        if part.name == "sum" and asked.name in _SUMS:
            found[asked.name] = sum(minute[asked.name] for minute in group)
        elif part.name == "quantiles" and asked.name in _WALL:
            place = max(0, ceil(_WALL[asked.name] * len(durations)) - 1)
            found[asked.name] = round(durations[place] * 1000) if durations else None
        elif asked.name in _UNKNOWN.get(part.name, ()):
            found[asked.name] = None
        else:
            raise QueryError(f'unknown field "{asked.name}"')
    return found


def _dimension(name: str, minute: Mapping[str, Any]) -> str:
    if name == "datetimeMinute":
        return datetime.fromtimestamp(minute["start"] / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(minute["script" if name == "scriptName" else "version"])
