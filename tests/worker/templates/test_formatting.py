"""Dates and numbers as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.templates.formatting import format_date, format_number
from notification.time_zones import find_zone


@pytest.mark.parametrize(
    ("value", "zone", "layout", "written"),
    [
        ("2025-01-05T10:00:00Z", "Asia/Shanghai", "YYYY-MM-DD HH:mm", "2025-01-05 18:00"),
        ("2025-07-01T12:00:00+02:00", "Europe/Berlin", "D.M.YY H:m:s Z", "1.7.25 12:0:0 +02:00"),
        ("2025-01-05", "UTC", "dddd, D MMMM YYYY", "Sunday, 5 January 2025"),
        (1_736_100_000, "America/New_York", "ddd MMM DD hh:mm A ZZ", "Sun Jan 05 01:00 PM -0500"),
        (1_736_100_000_123, "Asia/Kathmandu", "HH:mm:ss.SSS", "23:45:00.123"),
        ("1736100000", "UTC", "[Week] HH [h]", "Week 18 h"),
        ("2025-01-05 10:00:00.5Z", "Nowhere/Else", "HH:mm", "10:00"),
        ("2025-01-05T10:00:00.9999999Z", "UTC", "ss.SSS", "00.999"),
        ("2025-01-05T10:00:00.123456789Z", "UTC", "ss.SSS", "00.123"),
        ("2025-01-05T10:00:00,05Z", "UTC", "ss.SSS", "00.050"),
        ("2025-01-05T10:00:00.1234567890Z", "UTC", "HH", "2025-01-05T10:00:00.1234567890Z"),
        (99_999_999_999, "UTC", "YYYY", "5138"),
        (100_000_000_000, "UTC", "YYYY-MM-DD", "1973-03-03"),
        ("soon", "UTC", "HH", "soon"),
        (True, "UTC", "HH", "true"),
        (None, "UTC", "HH", ""),
        ("2025-13-05T10:00:00Z", "UTC", "HH", "2025-13-05T10:00:00Z"),
        (10**40, "UTC", "HH", str(10**40)),
    ],
)
def test_a_date(value: Any, zone: str, layout: str, written: str) -> None:
    assert format_date(value, zone, layout) == written


@pytest.mark.parametrize(
    ("zone", "moment", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T00:59:59", 1),
        ("Europe/Berlin", "2026-03-29T01:00:00", 2),
        ("Europe/Berlin", "2026-10-25T00:59:59", 2),
        ("Europe/Berlin", "2026-10-25T01:00:00", 1),
        ("Australia/Sydney", "2026-01-01T00:00:00", 11),
        ("Australia/Sydney", "2026-07-01T00:00:00", 10),
        ("America/Los_Angeles", "2026-03-08T09:59:59", -8),
        ("America/Los_Angeles", "2026-03-08T10:00:00", -7),
        ("Asia/Shanghai", "2026-07-01T00:00:00", 8),
        ("Asia/Kolkata", "2026-07-01T00:00:00", 5.5),
        ("UTC", "2026-07-01T00:00:00", 0),
    ],
)
def test_zones_change_their_clocks_when_they_do(zone: str, moment: str, hours: float) -> None:
    found = find_zone(zone)
    assert found is not None
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert timedelta(seconds=found.offset_s(at)) == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["", "Europe", "Europe/", "/Berlin", "Europe/Atlantis", "CST-8"])
def test_an_unknown_zone_is_none(name: str) -> None:
    assert find_zone(name) is None


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [
        (1234567.5, "", "1,234,567.5"),
        (0.5, "", "0.5"),
        (-1234, "", "-1,234"),
        ("1234.5", "2", "1,234.50"),
        (1.005, "2", "1.01"),
        (2.5, "0", "3"),
        ("abc", "2", "abc"),
        (1e21, "", "1e+21"),
        (True, "", "true"),
        (12, "99", "12.000000000000000"),
        (12.5, "two", "12.5"),
        (12.5, "-1", "12.5"),
        (12.5, "٣", "12.5"),
    ],
)
def test_a_number(value: Any, digits: str, written: str) -> None:
    assert format_number(value, digits) == written


@settings(deadline=None)
@given(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    st.text(st.sampled_from("YMDHhmsSAaZ[] -/"), max_size=20),
)
def test_any_value_is_written(value: Any, layout: str) -> None:
    assert isinstance(format_date(value, "Europe/Berlin", layout), str)
    assert isinstance(format_number(value, "2"), str)
