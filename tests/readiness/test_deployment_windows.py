"""When which kind of change may be deployed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.deploy.preflight.window import FILE, KINDS, DeploymentWindows, Kind
from ops.stacks.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
RULES = """
timezone: Europe/Berlin
windows:
  routine:
    - {days: [monday, tuesday, wednesday, thursday, friday], from: "10:00", to: "16:00"}
  major:
    - {days: [tuesday, wednesday, thursday], from: "09:00", to: "12:00"}
  migration:
    - {days: [monday, tuesday, wednesday, thursday], from: "06:00", to: "09:00"}
avoid:
  - {days: [friday], from: "12:00", to: "23:59"}
  - {days: [wednesday], from: "11:00", to: "12:00"}
holidays: [2026-12-25]
shortStaffed: [2026-11-19]
"""


@pytest.fixture
def rules(tmp_path: Path) -> DeploymentWindows:
    (tmp_path / FILE).write_text(RULES)
    return DeploymentWindows.read(tmp_path)


# From Monday the 16th of November 2026 on; the times are Berlin's, an hour before UTC.
TIMES: list[tuple[str, str, str]] = [
    ("2026-11-16T10:00", "routine urgent", "the window's first minute"),
    ("2026-11-16T09:59", "urgent", "a minute before it"),
    ("2026-11-16T15:59", "routine urgent", "its last minute"),
    ("2026-11-16T16:00", "urgent", "its end"),
    ("2026-11-16T06:30", "urgent migration", "off-peak"),
    ("2026-11-17T09:00", "urgent major", "Tuesday morning"),
    ("2026-11-17T11:00", "routine urgent major", "Tuesday, late morning"),
    ("2026-11-16T11:00", "routine urgent", "Monday is no day for major upgrades"),
    ("2026-11-18T11:30", "urgent", "peak hours"),
    ("2026-11-18T12:00", "routine urgent", "after the peak"),
    ("2026-11-19T11:00", "urgent", "the team isn't complete"),
    ("2026-11-20T11:59", "routine urgent", "Friday before noon"),
    ("2026-11-20T12:00", "urgent", "Friday afternoon"),
    ("2026-11-21T11:00", "urgent", "Saturday"),
    ("2026-12-23T13:00", "routine urgent", "two days before a holiday"),
    ("2026-12-24T11:00", "urgent", "the day before a holiday"),
    ("2026-12-25T11:00", "urgent", "a holiday"),
]


@pytest.mark.requirement("S0-70", "S0-71")
@pytest.mark.parametrize(("moment", "allowed", "_why"), TIMES, ids=[t[2] for t in TIMES])
def test_each_time_is_open_for_its_kinds_of_change(
    rules: DeploymentWindows, moment: str, allowed: str, _why: str
) -> None:
    from zoneinfo import ZoneInfo

    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    found = [kind for kind in KINDS if rules.judge(at.astimezone(UTC), kind).allowed]
    assert sorted(found) == sorted(allowed.split())


@pytest.mark.requirement("S0-70", "S0-71")
@pytest.mark.parametrize(
    ("moment", "kind", "why", "opens"),
    [
        ("2026-11-20T14:00", "routine", "12:00 to 23:59 on this day", "2026-11-23T10:00"),
        ("2026-12-24T09:30", "routine", "tomorrow is a holiday", "2026-12-28T10:00"),
        ("2026-11-19T09:30", "major", "the team isn't complete", "2026-11-24T09:00"),
    ],
)
def test_a_refusal_says_why_and_when_the_next_window_opens(
    rules: DeploymentWindows, moment: str, kind: Kind, why: str, opens: str
) -> None:
    at = datetime.fromisoformat(f"{moment}+01:00")
    verdict = rules.judge(at, kind)
    assert why in verdict.why
    assert verdict.next == datetime.fromisoformat(f"{opens}+01:00")


def test_summer_time_moves_the_window_with_it(rules: DeploymentWindows) -> None:
    assert rules.judge(datetime(2026, 7, 1, 8, 0, tzinfo=UTC), "routine").allowed
    assert not rules.judge(datetime(2026, 11, 18, 8, 0, tzinfo=UTC), "routine").allowed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("Europe/Berlin", "Europe/Atlantis"), "timezone"),
        (('from: "10:00"', "from: 10:00"), "windows.routine.0.from"),
        (('to: "16:00"', 'to: "09:00"'), "'from' has to be before 'to'"),
        (("[friday]", "[freitag]"), "avoid.0.days.0"),
        (("[friday]", "[]"), "avoid.0.days"),
        (("holidays", "feasts"), "feasts"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    (tmp_path / FILE).write_text(RULES.replace(*change))
    with pytest.raises(UsageError, match=FILE) as caught:
        DeploymentWindows.read(tmp_path)
    assert told in str(caught.value)


@pytest.mark.requirement("S0-70")
def test_the_projects_own_file_is_right() -> None:
    rules = DeploymentWindows.read(ROOT)
    assert rules.judge(datetime(2026, 11, 17, 11, 0, tzinfo=UTC), "major").allowed


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            RULES.replace("2026-12-25", "2026-02-30").encode(),
            "'2026-02-30' in line [0-9]+ is no date or time",
        ),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"timezone: [", "isn't valid YAML"),
        (b"", "Correct it"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_a_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(UsageError, match=words) as refused:
        DeploymentWindows.read(tmp_path)
    assert FILE in str(refused.value)
