"""Cloudflare's cron expressions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.cron.expression import CronExpression, InvalidCron


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def ms(text: str) -> int:
    """A moment in milliseconds."""
    return int(at(text).timestamp()) * 1000


@pytest.mark.parametrize(
    ("cron", "fires", "silent"),
    [
        ("* * * * *", "2026-11-21 22:48", None),
        ("*/5 * * * *", "2026-11-21 22:45", "2026-11-21 22:46"),
        ("15,45 8-10 * * *", "2026-11-21 09:45", "2026-11-21 11:15"),
        ("0 17 * * SUN", "2026-11-22 17:00", "2026-11-21 17:00"),
        ("0 17 * * 1", "2026-11-22 17:00", "2026-11-23 17:00"),
        ("0 0 * * MON-FRI", "2026-11-20 00:00", "2026-11-21 00:00"),
        ("0 0 1 JAN,jul *", "2026-07-01 00:00", "2026-06-01 00:00"),
        ("59 23 LW * *", "2026-10-30 23:59", "2026-10-31 23:59"),
        ("0 0 L * *", "2024-02-29 00:00", "2024-02-28 00:00"),
        ("0 0 15W * *", "2026-11-16 00:00", "2026-11-15 00:00"),
        ("0 0 1W * *", "2026-08-03 00:00", "2026-07-31 00:00"),
        ("0 0 * * MON#2", "2026-11-09 00:00", "2026-11-16 00:00"),
        ("0 0 * * 6L", "2026-11-27 00:00", "2026-11-20 00:00"),
        ("10-59/20 * * * *", "2026-11-21 00:50", "2026-11-21 00:20"),
        ("5/30 * * * *", "2026-11-21 00:35", "2026-11-21 00:30"),
    ],
)
def test_an_expression_fires_in_its_minutes_only(cron: str, fires: str, silent: str | None) -> None:
    expression = CronExpression.parse(cron)
    assert expression.matches(at(fires))
    assert silent is None or not expression.matches(at(silent))


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 0",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "1, * * * *",
        "* * * * MON#6",
        "-1 * * * *",
    ],
)
def test_what_cloudflare_refuses_is_refused(cron: str) -> None:
    with pytest.raises(InvalidCron):
        CronExpression.parse(cron)


def test_the_latest_due_minute_is_found_and_nothing_before_the_beginning() -> None:
    expression = CronExpression.parse("*/10 * * * *")
    until = ms("2026-11-21 22:48") + 59_999
    assert expression.latest(0, until) == ms("2026-11-21 22:40")
    assert expression.latest(ms("2026-11-21 22:40"), until) is None
    assert expression.latest(ms("2026-11-21 22:40") - 1, until) == ms("2026-11-21 22:40")
    rare = CronExpression.parse("0 0 29 2 *")
    assert rare.latest(ms("2026-01-01 00:00"), ms("2026-11-21 00:00")) is None
    assert rare.latest(0, ms("2024-12-01 00:00")) == ms("2024-02-29 00:00")


@given(
    start=st.integers(0, 2_000_000_000),
    span=st.integers(0, 5000),
    cron=st.sampled_from(["*/7 * * * *", "3 */5 * * *", "0 0 * * 1", "30 12 1,15 * *"]),
)
def test_the_latest_minute_agrees_with_trying_each_minute(start: int, span: int, cron: str) -> None:
    expression = CronExpression.parse(cron)
    after, until = start * 1000, (start + span * 60) * 1000
    tried = [
        minute * 60_000
        for minute in range(after // 60_000, until // 60_000 + 1)
        if after < minute * 60_000 <= until
        and expression.matches(datetime.fromtimestamp(minute * 60, UTC))
    ]
    assert expression.latest(after, until) == (tried[-1] if tried else None)
