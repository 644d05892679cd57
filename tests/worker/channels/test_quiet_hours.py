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


@pytest.mark.parametrize(
    ("offset", "seconds"),
    [
        (None, 0),
        ("+00:00", 0),
        ("-00:00", 0),
        ("+05:30", 19_800),
        ("-03:30", -12_600),
        ("+14:59", 53_940),
        ("-14:00", -50_400),
    ],
)
def test_an_offset_stands_for_a_zone(offset: str | None, seconds: int) -> None:
    own = {} if offset is None else {"utc_offset": offset}
    hours = parse_quiet_hours({"from": "01:02", "to": "23:59", **own})
    assert hours is not None
    assert (hours.start_ms, hours.end_ms) == (3_720_000, 86_340_000)
    for month in (1, 7):
        assert hours.zone.offset_s(datetime(2026, month, 1, tzinfo=UTC)) == seconds


@pytest.mark.parametrize(
    "wrong",
    [
        {"utc_offset": "+15:00"},
        {"utc_offset": "+05:60"},
        {"utc_offset": "05:30"},
        {"utc_offset": 5},
        {"utc_offset": "+00:00", "time_zone": "UTC"},
        {"time_zone": "Nowhere"},
        {"time_zone": 5},
        {"from": "24:00"},
        {"from": "1:00"},
        {"from": "00:60"},
        {"from": 22},
        {"from": None},
        {"to": "22:00"},
        {"until": "07:00"},
    ],
)
def test_what_is_no_span_of_a_day_means_none(wrong: dict[str, object]) -> None:
    assert parse_quiet_hours({"from": "22:00", "to": "07:00"}) is not None
    assert parse_quiet_hours({"from": "22:00", "to": "07:00", **wrong}) is None
