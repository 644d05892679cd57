"""The rows of the roll-ups: written when something changed, and read back as they were."""

from __future__ import annotations

import asyncio
from typing import Any

from notification.metrics.period_metrics import Metrics, PeriodMetrics
from notification.metrics.rollup_rows import (
    delete_hours_before,
    period,
    read_rollups,
    write_rollups,
)
from tests.worker.sqlite_database import SqliteDatabase

HOUR_MS = 3_600_000
AT = 1_767_225_600_000


def hour(at_ms: int = AT, **counts: Any) -> PeriodMetrics:
    return PeriodMetrics(at_ms, "webhook", Metrics(**counts))


def written(database: SqliteDatabase, *periods: PeriodMetrics, step: str = "hour") -> int:
    [result] = asyncio.run(database.batch([write_rollups(step, periods)]))
    return result.changes


def kept(database: SqliteDatabase, start_ms: int, end_ms: int) -> list[PeriodMetrics]:
    [found] = asyncio.run(database.batch([read_rollups("hour", start_ms, end_ms)]))
    return list(map(period, found.rows))


def test_what_is_written_is_read_back() -> None:
    database = SqliteDatabase()
    deliveries = [0] * 11 + [1]
    one = hour(
        accepted=7,
        sent=1,
        failed=2,
        cancelled=3,
        unsettled=1,
        retries=4,
        redrives=5,
        delivery_ms=60,
        deliveries=deliveries,
        errors={"HTTP_ERROR": 2, "TIMEOUT_ERROR": 1},
    )
    assert written(database, one) == 1
    assert kept(database, AT, AT + 1) == [one]
    assert kept(database, AT + 1, AT + HOUR_MS) == []
    assert kept(database, AT - HOUR_MS, AT) == []
    assert kept(database, -1, AT + 1) == [one]
    assert written(database, one, step="day") == 1


def test_an_unchanged_hour_is_not_written_whatever_order_its_errors_have() -> None:
    database = SqliteDatabase()
    assert written(database, hour(errors={"a": 1, "b": 1})) == 1
    assert written(database, hour(errors={"b": 1, "a": 1})) == 0
    assert written(database, hour(errors={"b": 2, "a": 1})) == 1
    for name in ("retries", "redrives", "delivery_ms"):
        assert written(database, hour(errors={"b": 2, "a": 1}, **{name: 1})) == 1


def test_an_hour_whose_rows_were_deleted_keeps_its_count() -> None:
    database = SqliteDatabase()
    written(database, hour(accepted=2, sent=2))
    assert written(database, hour(accepted=1, sent=1)) == 0
    assert written(database, hour(accepted=2, sent=1, failed=1)) == 1
    [now] = kept(database, AT, AT + 1)
    assert (now.metrics.accepted, now.metrics.failed) == (2, 1)


def test_old_hours_are_deleted_and_days_stay() -> None:
    database = SqliteDatabase()
    written(database, hour(AT), hour(AT + HOUR_MS))
    written(database, hour(AT), step="day")
    [result] = asyncio.run(database.batch([delete_hours_before(AT + HOUR_MS)]))
    assert result.changes == 1
    assert [each.start_ms for each in kept(database, AT, AT + 2 * HOUR_MS)] == [AT + HOUR_MS]
