"""Every rule of the table is read as the C library reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from notification import time_zones
from notification.time_zones import find_zone

DAY_S = 86_400
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
DAYS = 3 * 366
"""A leap year among them."""
LINES = time_zones._TABLE.splitlines()


def names_of(line: str) -> Iterator[str]:
    """The names of the zones that follow a line's rule."""
    for area in line.split(" ")[1:]:
        area_name, _, places = area.partition(":")
        for place in places.split(","):
            yield f"{area_name}/{place}" if area_name else place


@pytest.fixture
def as_the_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split(" ")[0])
def test_a_rule_gives_the_offsets_that_the_library_gives(
    as_the_library: pytest.MonkeyPatch, line: str
) -> None:
    first = next(names_of(line))
    zone = find_zone(first)
    assert zone is not None, first
    as_the_library.setenv("TZ", line.split(" ")[0])
    time.tzset()

    def expected(at: int) -> int:
        return time.localtime(at).tm_gmtoff

    def found(at: int) -> int:
        return zone.offset_s(datetime.fromtimestamp(at, UTC))

    changes = 0
    for day in range(DAYS):
        at = START + day * DAY_S
        assert found(at) == expected(at)
        if expected(at) != expected(at + DAY_S):
            changes += 1
            low, high = at, at + DAY_S
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if expected(middle) == expected(at) else (low, middle)
            assert (found(low), found(high)) == (expected(low), expected(high))
    assert changes == (6 if "," in line.split(" ")[0] else 0)


def test_every_name_of_a_line_is_its_zone() -> None:
    for line in LINES:
        names = list(names_of(line))
        assert len({find_zone(name) for name in names}) == 1
        assert None not in {find_zone(name) for name in names}


@pytest.mark.parametrize(
    ("name", "offset_s"),
    [
        ("UTC", 0),
        ("Asia/Kathmandu", 20_700),
        ("America/Argentina/Buenos_Aires", -10_800),
        ("Pacific/Marquesas", -34_200),
        ("Australia/Darwin", 34_200),
        ("America/Puerto_Rico", -14_400),
    ],
)
def test_offsets_are_east_of_greenwich(name: str, offset_s: int) -> None:
    zone = find_zone(name)
    assert zone is not None
    assert zone.offset_s(datetime(2026, 7, 1, tzinfo=UTC)) == offset_s
