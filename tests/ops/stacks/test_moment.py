"""Times, durations and counts in one form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ops.stacks.errors import UsageError
from ops.stacks.moment import (
    TIME_ZONE_VARIABLE,
    Stopwatch,
    counted,
    kibibytes,
    lasted,
    megabytes,
    read_span,
    read_time,
    shown_time,
)

NOW = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    ["2026-11-29T08:30:00.123Z", "2026-11-29 08:30:00", NOW, NOW.timestamp(), NOW.isoformat()],
)
def test_every_time_is_shown_in_one_form(value: str | float | datetime) -> None:
    assert shown_time(value, {}) == "2026-11-29T08:30:00Z"


def test_a_chosen_zone_is_shown_by_its_offset() -> None:
    zone = {TIME_ZONE_VARIABLE: "Europe/Berlin"}
    assert shown_time(NOW, zone) == "2026-11-29T09:30:00+01:00"
    here = shown_time(NOW, {TIME_ZONE_VARIABLE: "local"})
    assert datetime.fromisoformat(here.replace("Z", "+00:00")) == NOW


def test_what_is_no_time_is_shown_as_it_is() -> None:
    assert shown_time("soon", {}) == "soon"
    assert shown_time(None, {}) == ""


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo", "local"])
@pytest.mark.parametrize(
    "value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 1e20, -1e12, float("nan")]
)
def test_a_time_that_no_calendar_has_is_shown_as_it_is(value: str | float, zone: str) -> None:
    shown = shown_time(value, {TIME_ZONE_VARIABLE: zone})
    if shown != str(value):
        assert datetime.fromisoformat(shown) == datetime.fromisoformat(str(value))


def test_a_time_without_an_offset_is_in_the_zone_that_times_are_shown_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(TIME_ZONE_VARIABLE, "Europe/Berlin")
    assert read_time("2026-11-29T09:30", "--since") == NOW
    monkeypatch.setenv(TIME_ZONE_VARIABLE, "local")
    here = NOW.astimezone().replace(tzinfo=None).isoformat()
    found = read_time(here, "--since")
    assert (found.tzinfo is not None, found) == (True, NOW)


def test_how_long_ago_is_counted_from_now() -> None:
    before = datetime.now(UTC)
    assert before <= read_time("0s", "--since") <= datetime.now(UTC)


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("5m", 300), ("999999999s", 999_999_999)])
def test_a_span_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert read_span(text, "--for") == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["0s", "", "5", "h", "-1h", "1.5h", "1000000000s", "5w", "²h"])
def test_what_is_no_span_is_refused_with_its_option(text: str) -> None:
    with pytest.raises(UsageError, match=f"--for is '{text}'"):
        read_span(text, "--for")


def test_a_zone_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match="NOTIFYCTL_TIME_ZONE is 'Mars'"):
        shown_time(NOW, {TIME_ZONE_VARIABLE: "Mars"})


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604_800)]
)
def test_a_time_may_be_given_by_how_long_ago_it_was(text: str, seconds: int) -> None:
    assert read_time(text, "--since", NOW) == NOW - timedelta(seconds=seconds)


def test_a_shown_time_is_taken_back() -> None:
    assert read_time(shown_time(NOW, {}), "--since") == NOW


@pytest.mark.parametrize("text", ["", "m", "yesterday", "-5m", "5w", "999999999d", "²h", "2026-13"])
def test_what_is_no_time_is_refused_with_its_option(text: str) -> None:
    with pytest.raises(UsageError, match="--since is"):
        read_time(text, "--since", NOW)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (-3, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7200, "2 h"),
     (3601, "1 h"), (93_600, "1 d 2 h")],
)  # fmt: skip
def test_durations_have_their_two_largest_units(seconds: float, shown: str) -> None:
    assert lasted(seconds) == shown


def test_counts_agree_with_their_nouns() -> None:
    assert [counted(n, "attempt") for n in (0, 1, 2)] == ["0 attempts", "1 attempt", "2 attempts"]
    assert counted(1_000_000, "row") == "1,000,000 rows"
    assert counted(2, "entry", "entries") == "2 entries"


def test_a_stopwatch_counts_from_when_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("ops.stacks.moment.time.monotonic", lambda: now[0])
    watch = Stopwatch()
    assert watch.seconds == 0.0
    now[0] = 102.5
    assert watch.seconds == 2.5
    now[0] = 50.0
    assert watch.seconds == -50.0


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("utc", "2026-11-29T08:30:00Z"),
        ("UTC", "2026-11-29T08:30:00Z"),
        ("Zulu", "2026-11-29T08:30:00Z"),
        ("Asia/Tokyo", "2026-11-29T17:30:00+09:00"),
        ("America/New_York", "2026-11-29T03:30:00-05:00"),
    ],
)
def test_a_zone_is_named_in_any_case_or_as_the_calendar_has_it(name: str, shown: str) -> None:
    assert shown_time(NOW, {TIME_ZONE_VARIABLE: name}) == shown


@pytest.mark.parametrize(
    ("size", "kib", "mb"),
    [
        (0, "0 KiB", "0.0 MB"),
        (511, "0 KiB", "0.0 MB"),
        (513, "1 KiB", "0.0 MB"),
        (1_024 * 2_000 + 513, "2001 KiB", "2.0 MB"),
        (10_250_001, "10010 KiB", "10.3 MB"),
        (10_249_999, "10010 KiB", "10.2 MB"),
    ],
)
def test_sizes_are_rounded_to_their_units(size: int, kib: str, mb: str) -> None:
    assert (kibibytes(size), megabytes(size)) == (kib, mb)
