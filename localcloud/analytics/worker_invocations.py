"""The data set `workersInvocationsAdaptive`: requests of Workers over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

from localcloud.analytics.query_document import Field, QueryError

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
    chosen = _filtered(field.arguments.get("filter") or {}, minutes)
    dimensions = field.child("dimensions")
    names = [part.name for part in dimensions.below] if dimensions else []
    for name in names:
        if name not in _DIMENSIONS:
            raise QueryError(f'unknown field "{name}"')
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for minute in chosen:
        groups[tuple(_dimension(name, minute) for name in names)].append(minute)
    limit = field.arguments.get("limit", 10_000)
    if not isinstance(limit, int) or limit < 1:
        raise QueryError("limit must be a positive number")
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
    for name in wanted:
        if name not in _FILTERS:
            raise QueryError(f'unknown filter "{name}"')
    start = _milliseconds(wanted.get("datetime_geq"), 0)
    end = _milliseconds(wanted.get("datetime_leq"), 1 << 53)
    script = wanted.get("scriptName")
    return [
        minute
        for minute in minutes
        if minute["start"] + 60_000 > start
        and minute["start"] <= end
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


def _milliseconds(text: object, default: int) -> int:
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise QueryError(f'"{text}" is no time') from None
    return int(moment.timestamp() * 1000)
