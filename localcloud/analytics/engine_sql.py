"""Analytics Engine's SQL API: queries over the points that Workers have written.

Cloudflare runs a dialect of ClickHouse over columns `timestamp`, `dataset`, `index1`, `blob1` to
`blob20`, `double1` to `double20` and `_sample_interval`. Here SQLite runs what both understand:
SELECT with aggregates (argMax and quantileExactWeighted among them), WHERE, GROUP BY, HAVING, ORDER
BY and LIMIT, intervals before NOW(), and toDateTime. Nothing is sampled, so `_sample_interval` is
1. Source: Cloudflare documentation, "Workers Analytics Engine SQL API" and "SQL reference".
"""

from __future__ import annotations

import math
import re
import sqlite3
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

MAX_QUERY = 10_000
COLUMNS = 20
"""Blobs and doubles of a point."""
_MAX_ROWS = 10_000
_MAX_STEPS = 50_000_000
_STEPS = 100_000
_NO_DATETIME = 1 << 32  # the first second that ClickHouse's DateTime can't hold
_FORMAT = re.compile(r"\s+FORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_INTERVAL = re.compile(
    r"\bNOW\(\)\s*-\s*INTERVAL\s+'(\d{1,9})'\s+(SECOND|MINUTE|HOUR|DAY)S?\b", re.IGNORECASE
)
_QUANTILE = re.compile(r"\bquantileExactWeighted\(\s*([0-9.]{1,9})\s*\)\(", re.IGNORECASE)
_NOW = re.compile(r"\bNOW\(\)", re.IGNORECASE)
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_NEWEST = re.compile(r"\b(?:MAX|MIN)\(timestamp\)\s+AS\s+(\w+)", re.IGNORECASE)
_TABLE = re.compile(r"\bFROM\s+([A-Za-z_][A-Za-z0-9_]*)", re.IGNORECASE)
_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})


class SqlError(Exception):
    """The query can't be answered; the message is for its writer."""


def answer(query: str, points: Sequence[Mapping[str, Any]], now: float | None = None) -> Any:
    """Answer a query as ClickHouse's format JSON does.

    Args:
        query: the statement; `FORMAT JSON` may end it.
        points: what was written, each with dataset, at (milliseconds), index, blobs and doubles.
        now: the time that NOW() means, in seconds since 1970.

    Raises:
        SqlError: it is no query, or names what there isn't.
    """
    if len(query) > MAX_QUERY:
        raise SqlError(f"a query has at most {MAX_QUERY} characters")
    form = _FORMAT.search(query)
    if form is not None:
        if form[1].upper() != "JSON":
            raise SqlError(f"format {form[1][:40]} isn't offered here, only JSON")
        query = query[: form.start()]
    tables = set(_TABLE.findall(query))
    if len(tables) != 1:
        raise SqlError("a query reads one data set")
    [dataset] = tables
    moment = int(time.time() if now is None else now)
    sql = _INTERVAL.sub(lambda m: str(moment - int(m[1]) * _SECONDS[m[2].upper()]), query)
    sql = _QUANTILE.sub(r"quantileExactWeighted(\1, ", _NOW.sub(str(moment), sql))
    chosen = [point for point in points if point["dataset"] == dataset]
    rows, names = _run(sql, dataset, chosen)
    times = {"timestamp", *_NEWEST.findall(sql)}
    rows = [
        tuple(
            _time(value) if name in times else _value(value)
            for name, value in zip(names, row, strict=True)
        )
        for row in rows
    ]
    return {
        "meta": [
            {"name": name, "type": "DateTime" if name in times else _type(place, rows)}
            for place, name in enumerate(names)
        ],
        "data": [dict(zip(names, row, strict=True)) for row in rows],
        "rows": len(rows),
        "rows_before_limit_at_least": len(rows),
    }


def _run(
    sql: str, dataset: str, points: Sequence[Mapping[str, Any]]
) -> tuple[list[tuple[Any, ...]], list[str]]:
    blobs = [f"blob{number}" for number in range(1, COLUMNS + 1)]
    doubles = [f"double{number}" for number in range(1, COLUMNS + 1)]
    columns = ["timestamp", "dataset", "index1", "_sample_interval", *blobs, *doubles]
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute(f'CREATE TABLE "{dataset}" ({", ".join(columns)})')
        marks = ", ".join("?" * len(columns))
        connection.executemany(
            f'INSERT INTO "{dataset}" VALUES ({marks})',  # noqa: S608 - the name is letters
            (
                [
                    point["at"] // 1000,
                    dataset,
                    point["index"],
                    1,
                    *_filled(point["blobs"], ""),
                    *_filled(point["doubles"], 0.0),
                ]
                for point in points
            ),
        )
        connection.create_aggregate("argMax", 2, _ArgMax)  # type: ignore[arg-type]
        connection.create_aggregate("quantileExactWeighted", 3, _Quantile)  # type: ignore[arg-type]
        connection.create_function("IF", 3, lambda truth, yes, no: yes if truth else no)
        connection.create_function("toDateTime", 1, _seconds, deterministic=True)
        steps = iter(range(_MAX_STEPS // _STEPS))
        connection.set_progress_handler(lambda: next(steps, None) is None, _STEPS)

        def authorize(action: int, table: str | None, *_: object) -> int:
            allowed = action in _READING and (
                action != sqlite3.SQLITE_READ or table in (dataset, "")
            )
            return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

        connection.set_authorizer(authorize)
        cursor = connection.execute(sql)
        rows = cursor.fetchmany(_MAX_ROWS)
        return rows, [str(column[0]) for column in cursor.description or ()]
    except sqlite3.Error as error:
        raise SqlError(f"the query can't be run: {error}") from None
    finally:
        connection.close()


class _ArgMax:
    """`argMax(value, of)`: the value of the row whose `of` is the greatest."""

    def __init__(self) -> None:
        self._found: tuple[Any, Any] | None = None

    def step(self, value: Any, of: Any) -> None:
        """Take a row."""
        if self._found is None or of >= self._found[1]:
            self._found = value, of

    def finalize(self) -> Any:
        """Return the value, NULL of no rows."""
        return None if self._found is None else self._found[0]


class _Quantile:
    """`quantileExactWeighted(level)(value, weight)`: the value that this share doesn't exceed."""

    def __init__(self) -> None:
        self._level = 0.0
        self._rows: list[tuple[float, float]] = []

    def step(self, level: float, value: float, weight: float) -> None:
        """Take a row."""
        self._level = level
        self._rows.append((value, weight))

    def finalize(self) -> float | None:
        """Return the value, NULL of no rows."""
        wanted = self._level * sum(weight for _, weight in self._rows)
        reached = 0.0
        for value, weight in sorted(self._rows):
            reached += weight
            if reached >= wanted:
                return value
        return None


def _filled(values: Sequence[Any], empty: Any) -> list[Any]:
    return [*values, *[empty] * COLUMNS][:COLUMNS]


def _seconds(value: object) -> int:
    if isinstance(value, int | float):
        return int(value)
    return int(datetime.fromisoformat(str(value)).replace(tzinfo=UTC).timestamp())


def _type(place: int, rows: Sequence[tuple[Any, ...]]) -> str:
    return "String" if rows and isinstance(rows[0][place], str) else "Float64"


def _time(value: Any) -> Any:
    """Return a time as the format JSON has it: text in UTC without a zone."""
    if isinstance(value, int) and 0 <= value < _NO_DATETIME:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return _value(value)


def _value(value: Any) -> Any:
    """Return a value as the format JSON has it: a number that isn't finite is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bytes):
        raise SqlError("a value is neither a text nor a number")
    return value
