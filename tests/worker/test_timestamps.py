"""Moments as texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.timestamps import DAY_MS, HOUR_MS, floor, from_iso, iso


def test_times_have_milliseconds_and_a_z() -> None:
    assert iso(1_736_071_200_007) == "2025-01-05T10:00:00.007Z"


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_time_reads_back_as_it_was_written(ms: int) -> None:
    assert from_iso(iso(ms)) == ms


@pytest.mark.parametrize(
    ("step_ms", "start"),
    [(HOUR_MS, "2026-01-05T10:00:00.000Z"), (DAY_MS, "2026-01-05T00:00:00.000Z")],
)
def test_a_step_starts_with_its_hour_or_utc_day(step_ms: int, start: str) -> None:
    for moment in (start, "2026-01-05T10:59:59.999Z"):
        assert iso(floor(from_iso(moment), step_ms)) == start
