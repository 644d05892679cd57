"""Cloudflare's cron expressions; what fires and what is refused was read in Cloudflare's parser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cron.expression import CronExpression, InvalidCron


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
        ("* * * * *", "2027-12-31 23:59", None),
        ("* * * * *", "2028-01-01 00:00", None),
        ("0 0 * * SAT", "2026-11-21 00:00", "2026-11-22 00:00"),
        ("0 0 31W * *", "2026-05-29 00:00", "2026-05-30 00:00"),
        ("0 0 1W * *", "2026-08-03 00:00", "2026-08-01 00:00"),
        ("0 0 * * MON#1", "2026-11-02 00:00", "2026-11-09 00:00"),
        ("*/5 * * * *", "2026-11-21 22:45", "2026-11-21 22:46"),
        ("15,45 8-10 * * *", "2026-11-21 09:45", "2026-11-21 11:15"),
        ("0 17 * * SUN", "2026-11-22 17:00", "2026-11-21 17:00"),
        ("0 17 * * 1", "2026-11-22 17:00", "2026-11-23 17:00"),
        ("0 0 * * MON-FRI", "2026-11-20 00:00", "2026-11-21 00:00"),
        ("0 0 1 JAN,jul *", "2026-07-01 00:00", "2026-06-01 00:00"),
        ("59 23 LW * *", "2026-10-30 23:59", "2026-10-31 23:59"),
        ("0 0 L * *", "2024-02-29 00:00", "2024-02-28 00:00"),
        ("0 0 15W * *", "2026-11-16 00:00", "2026-11-15 00:00"),
        ("0 0 14W * *", "2026-11-13 00:00", "2026-11-16 00:00"),
        ("0 0 13 * FRI", "2026-11-13 00:00", "2026-11-14 00:00"),
        ("0 0 13 * FRI", "2026-11-20 00:00", "2026-12-14 00:00"),
        ("0\t0  1 * *", "2026-11-01 00:00", "2026-11-02 00:00"),
        ("0 0 1W * *", "2026-08-03 00:00", "2026-07-31 00:00"),
        ("0 0 * * MON#2", "2026-11-09 00:00", "2026-11-16 00:00"),
        ("0 0 * * 6L", "2026-11-27 00:00", "2026-11-20 00:00"),
        ("10-59/20 * * * *", "2026-11-21 00:50", "2026-11-21 00:20"),
        ("5/30 * * * *", "2026-11-21 00:35", "2026-11-21 00:30"),
        ("50-10 * * * *", "2026-11-21 00:05", "2026-11-21 00:30"),
        ("50-10/5 * * * *", "2026-11-21 00:05", "2026-11-21 00:06"),
        ("0 23-1 * * *", "2026-11-21 00:00", "2026-11-21 02:00"),
        ("0 0 * * FRI-MON", "2026-11-22 00:00", "2026-11-24 00:00"),
        ("0 0 * * 7", "2026-11-21 00:00", "2026-11-22 00:00"),
        ("0 0 * * L", "2026-11-21 00:00", "2026-11-27 00:00"),
        ("0 0 * * MONL", "2026-11-30 00:00", "2026-11-23 00:00"),
        ("0 0 L-3 * *", "2026-11-27 00:00", "2026-11-30 00:00"),
        ("0 0 L-1W * *", "2026-11-30 00:00", "2026-11-29 00:00"),
        ("0 0 L-2W * *", "2026-11-27 00:00", "2026-11-28 00:00"),
        ("0 0 31W * *", "2026-10-30 00:00", "2026-11-30 00:00"),
        ("50-10 * * * *", "2026-11-21 00:10", "2026-11-21 00:11"),
        ("50-10 * * * *", "2026-11-21 00:50", "2026-11-21 00:49"),
        ("0 0 * * FRI-MON", "2026-11-23 00:00", "2026-11-19 00:00"),
        ("0 0 * * FRI-MON", "2026-11-20 00:00", "2026-11-25 00:00"),
        ("0 8-10 * * *", "2026-11-21 10:00", "2026-11-21 07:00"),
        ("0 0 L-30 * *", "2026-10-01 00:00", "2026-11-01 00:00"),
        ("0 0 L-1 * *", "2026-10-30 00:00", "2026-10-31 00:00"),
        ("*/59 */23 * * *", "2026-11-21 23:59", "2026-11-21 22:59"),
        ("0 0 */30 * *", "2026-10-31 00:00", "2026-10-30 00:00"),
        ("0 0 1 */11 *", "2026-12-01 00:00", "2026-11-01 00:00"),
        ("0 0 * * */6", "2026-11-21 00:00", "2026-11-20 00:00"),
        ("0 0 * * WED#5", "2026-09-30 00:00", "2026-09-23 00:00"),
        ("0,30" + ",30" * 62 + "   * * * *", "2026-11-21 22:30", "2026-11-21 22:31"),
    ],
)
def test_an_expression_fires_in_its_minutes_only(cron: str, fires: str, silent: str | None) -> None:
    expression = CronExpression.parse(cron)
    assert expression.matches(at(fires))
    assert silent is None or not expression.matches(at(silent))


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("* * * {} *", "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"),
        ("* * * * {}", "SUN MON TUE WED THU FRI SAT"),
    ],
)
def test_a_name_stands_for_its_number(field: str, names: str) -> None:
    days = [at("2026-01-01 12:00") + timedelta(days=number) for number in range(366)]
    for number, name in enumerate(names.split(), 1):
        named = CronExpression.parse(field.format(name))
        numbered = CronExpression.parse(field.format(number))
        fires = [day for day in days if named.matches(day)]
        assert fires, name
        assert fires == [day for day in days if numbered.matches(day)]


@pytest.mark.parametrize(
    ("cron", "field"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        (" * * * * *", "five fields"),
        ("* * * * * ", "five fields"),
        ("60 * * * *", "minute '60': 0 to 59"),
        ("61 * * * *", "minute '61': 0 to 59"),
        ("a * * * *", "minute 'a'"),
        ("abc * * * *", "minute 'abc'"),
        ("* mon * * *", "hour 'mon'"),
        ("* * jan * *", "day of the month 'jan'"),
        ("1, * * * *", "minute '1,'"),
        ("-1 * * * *", "minute '-1'"),
        ("*,5 * * * *", "minute '*,5'"),
        ("*-30/5 * * * *", "minute"),
        ("*/0 * * * *", "minute '*/0'"),
        ("*/60 * * * *", "minute '*/60'"),
        ("? * * * *", "minute '?'"),
        ("٣ * * * *", "minute"),
        ("* 24 * * *", "hour '24': 0 to 23"),
        ("* */24 * * *", "hour '*/24'"),
        ("* * 0 * *", "day of the month '0': 1 to 31"),
        ("* * 32 * *", "day of the month '32'"),
        ("* * */31 * *", "day of the month"),
        ("* * ? * *", "day of the month '?'"),
        ("* * l * *", "day of the month 'l'"),
        ("* * 15w * *", "day of the month '15w'"),
        ("* * 0W * *", "day of the month '0W'"),
        ("* * 15W,20 * *", "day of the month '15W,20'"),
        ("* * L,15 * *", "day of the month 'L,15'"),
        ("* * L-0 * *", "day of the month 'L-0'"),
        ("* * L-31 * *", "day of the month 'L-31'"),
        ("* * * 0 *", "month '0': 1 to 12"),
        ("* * * 13 *", "month '13': 1 to 12"),
        ("* * * SUN *", "month 'SUN'"),
        ("* * * * 0", r"weekday '0': 1 \(Sunday\) to 7 \(Saturday\)"),
        ("* * * * 8", "weekday '8'"),
        ("* * * * ?", r"weekday '\?'"),
        ("* * * * JAN", "weekday 'JAN'"),
        ("* * * * MON#0", "weekday 'MON#0'"),
        ("* * * * MON#6", "weekday 'MON#6'"),
        ("* * * * 0#1", "weekday '0#1'"),
        ("* * * * MON#1,TUE", "weekday 'MON#1,TUE'"),
        ("* * * * 0L", "weekday '0L'"),
        ("* * * * 5L,2", "weekday '5L,2'"),
        ("0,30" + ",30" * 62 + "    * * * *", "at most 200 characters"),
        ("1," * 100 + "1 * * * *", "at most 200 characters"),
    ],
)
def test_what_cloudflare_refuses_is_refused_with_the_field_and_the_rule(
    cron: str, field: str
) -> None:
    with pytest.raises(InvalidCron, match=field.replace("*", r"\*").replace("'?'", r"'\?'")):
        CronExpression.parse(cron)


@pytest.mark.parametrize(
    ("cron", "fires"),
    [
        ("*/5 * * * *", True),
        ("0 0 31 2 *", False),
        ("0 0 30 2 *", False),
        ("0 0 29 2 *", True),
        ("0 0 31 4,6,9,11 *", False),
        ("0 0 31 4,5 *", True),
        ("0 0 30W 2 *", False),
        ("0 0 L-29 2 *", False),
        ("0 0 L-28 2 *", True),
        ("0 0 * 2 MON#5", True),
        ("0 0 * 2 TUE#5", True),
        ("0 0 * 2 THU#5", True),
        ("0 0 31 2 MON", True),
    ],
)
def test_an_expression_that_no_day_fits_never_fires(cron: str, fires: bool) -> None:
    assert CronExpression.parse(cron).ever_fires is fires


def test_the_latest_due_minute_is_found_and_nothing_before_the_beginning() -> None:
    expression = CronExpression.parse("*/10 * * * *")
    until = ms("2026-11-21 22:48") + 59_999
    assert expression.latest(0, until) == ms("2026-11-21 22:40")
    assert expression.latest(ms("2026-11-21 22:40"), until) is None
    assert expression.latest(ms("2026-11-21 22:40") - 1, until) == ms("2026-11-21 22:40")
    rare = CronExpression.parse("0 0 29 2 *")
    assert rare.latest(ms("2026-01-01 00:00"), ms("2026-11-21 00:00")) is None
    assert rare.latest(0, ms("2024-12-01 00:00")) == ms("2024-02-29 00:00")


def test_the_latest_minute_is_looked_for_in_366_days() -> None:
    rare = CronExpression.parse("30 23 29 2 *")
    assert rare.latest(0, ms("2025-03-01 00:00")) == ms("2024-02-29 23:30")
    assert rare.latest(0, ms("2025-03-02 00:00")) is None


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


@pytest.mark.parametrize(
    ("day", "month", "fires"),
    [
        ("16W", "2026-11", 16),  # a Monday
        ("15W", "2026-11", 16),  # a Sunday
        ("14W", "2026-11", 13),  # a Saturday
        ("1W", "2026-08", 3),  # a Saturday, and the month isn't left
        ("1W", "2026-11", 2),  # a Sunday
        ("31W", "2026-05", 29),  # a Sunday at the end
        ("LW", "2026-10", 30),  # a Saturday at the end
        ("LW", "2026-12", 31),  # a Thursday
    ],
)
def test_the_nearest_working_day_is_the_only_one(day: str, month: str, fires: int) -> None:
    expression = CronExpression.parse(f"0 0 {day} * *")
    first = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
    days = [first + timedelta(days=number) for number in range(31)]
    found = [one.day for one in days if one.month == first.month and expression.matches(one)]
    assert found == [fires]


@pytest.mark.parametrize(
    ("weekday", "fires"),
    [("SAT#1", 7), ("SUN#1", 1), ("SAT#2", 14), ("SUN#2", 8), ("SAT#4", 28), ("MON#5", 30)],
)
def test_the_nth_weekday_of_a_month_is_counted_from_its_first_day(weekday: str, fires: int) -> None:
    expression = CronExpression.parse(f"0 0 * * {weekday}")
    days = [datetime(2026, 11, number, tzinfo=UTC) for number in range(1, 31)]
    assert [one.day for one in days if expression.matches(one)] == [fires]
