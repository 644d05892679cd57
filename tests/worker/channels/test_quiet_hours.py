"""Quiet hours by the clock of a zone, on the nights on which it changes, too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.channels.quiet_hours import parse_quiet_hours

pytestmark = pytest.mark.requirement("S5-2")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # Summer time begins: the night is an hour shorter.
        ("2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"),
        # It ends: the night is an hour longer.
        ("2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"),
        ("2026-06-01T06:59:59+02:00", "2026-06-01T07:00:00+02:00"),
        ("2026-06-01T07:00:00+02:00", None),
        ("2026-06-01T21:59:59+02:00", None),
        ("2026-01-01T22:00:00+01:00", "2026-01-02T07:00:00+01:00"),
    ],
)
def test_the_end_is_told_by_the_zones_clock(now: str, end: str | None) -> None:
    hours = parse_quiet_hours({"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin"})
    assert hours is not None
    assert hours.end_after(ms(now)) == (None if end is None else ms(end))


@given(
    zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    minutes=st.integers(0, 3 * 365 * 24 * 60),
)
def test_quiet_hours_end_when_the_zones_clock_says_so(zone: str, minutes: int) -> None:
    hours = parse_quiet_hours({"from": "21:30", "to": "07:15", "time_zone": zone})
    assert hours is not None
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    end = hours.end_after(ms(now.isoformat()))
    local = now.astimezone(ZoneInfo(zone))
    assert (end is not None) == (
        local.strftime("%H:%M") >= "21:30" or local.hour * 60 + local.minute < 435
    )
    if end is not None:
        wakes = datetime.fromtimestamp(end / 1000, ZoneInfo(zone))
        assert wakes.strftime("%H:%M") == "07:15"
