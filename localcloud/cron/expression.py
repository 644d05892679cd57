"""Cloudflare's cron expressions: five fields, UTC, weekdays from 1 (Sunday) to 7 (Saturday).

Source: Cloudflare's page on cron triggers. Beside numbers, names, lists, ranges and steps the day
fields know L (last), W (nearest weekday) and # (n-th weekday of the month).
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}
_STEP = re.compile(r"^(?P<base>[^/]+?)(?:/(?P<step>\d{1,2}))?$")

DayRule = Callable[[date], bool]


class InvalidCron(ValueError):
    """The expression isn't one that Cloudflare takes; the text names the field."""


@dataclass(frozen=True)
class CronExpression:
    """A parsed expression. Days fit when both day fields do, or either where both are given."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    day_rules: tuple[DayRule, ...]

    @classmethod
    def parse(cls, text: str) -> CronExpression:
        """Parse `text`. Raises InvalidCron."""
        fields = text.upper().split()
        if len(fields) != 5:
            raise InvalidCron(f"five fields are needed, {text[:80]!r} has {len(fields)}")
        minute, hour, day, month, weekday = fields
        rules = []
        if day not in {"*", "?"}:
            rules.append(_any_of([_day_rule(part) for part in day.split(",")]))
        if weekday not in {"*", "?"}:
            rules.append(_any_of([_weekday_rule(part) for part in weekday.split(",")]))
        return cls(
            minutes=_numbers("minute", minute, 0, 59),
            hours=_numbers("hour", hour, 0, 23),
            months=_numbers("month", month, 1, 12, _MONTHS),
            day_rules=tuple(rules),
        )

    def matches(self, moment: datetime) -> bool:
        """Tell whether the expression fires in the minute of `moment` (UTC)."""
        return (
            moment.minute in self.minutes
            and moment.hour in self.hours
            and self._fits(moment.date())
        )

    def latest(self, after_ms: int, until_ms: int) -> int | None:
        """The last firing minute in (after_ms, until_ms], in milliseconds, or None.

        It looks back at most 366 days.
        """
        until = datetime.fromtimestamp(until_ms // 1000, UTC).replace(second=0)
        for back in range(367):
            day = until.date() - timedelta(days=back)
            if (
                datetime.combine(day + timedelta(days=1), time(0), UTC).timestamp() * 1000
                <= after_ms
            ):
                return None
            if not self._fits(day):
                continue
            for moment in self._moments(day):
                if moment <= until:
                    found = int(moment.timestamp()) * 1000
                    return found if found > after_ms else None
        return None

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        return not self.day_rules or any(rule(day) for rule in self.day_rules)

    def _moments(self, day: date) -> Iterator[datetime]:
        for hour in sorted(self.hours, reverse=True):
            for minute in sorted(self.minutes, reverse=True):
                yield datetime.combine(day, time(hour, minute), UTC)


def _any_of(rules: list[DayRule]) -> DayRule:
    return lambda day: any(rule(day) for rule in rules)


def _numbers(
    field: str, text: str, low: int, high: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _STEP.match(part)
        if match is None:
            raise InvalidCron(f"{field} {text!r}")
        base, step = match["base"], int(match["step"] or 1)
        if step < 1:
            raise InvalidCron(f"{field} {text!r} has a step of 0")
        first, dash, last = base.partition("-")
        if base == "*":
            start, end = low, high
        elif dash:
            start, end = _number(field, first, names), _number(field, last, names)
        else:
            start = _number(field, base, names)
            end = high if match["step"] else start
        if not low <= start <= end <= high:
            raise InvalidCron(f"{field} {text!r} isn't within {low} to {high}")
        found.update(range(start, end + 1, step))
    return frozenset(found)


def _number(field: str, text: str, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not text.isdecimal():
        raise InvalidCron(f"{field} {text!r}")
    return int(text)


def _day_rule(text: str) -> DayRule:
    if text == "L":
        return lambda day: day.day == _month_length(day)
    if text == "LW":
        return lambda day: day == _nearest_weekday(day, _month_length(day))
    if text.endswith("W"):
        (wanted,) = _numbers("day", text[:-1], 1, 31)
        return lambda day: wanted <= _month_length(day) and day == _nearest_weekday(day, wanted)
    days = _numbers("day", text, 1, 31)
    return lambda day: day.day in days


def _weekday_rule(text: str) -> DayRule:
    base, hash_, nth = text.partition("#")
    if hash_:
        weekday = _one_weekday(base)
        if nth not in {"1", "2", "3", "4", "5"}:
            raise InvalidCron(f"weekday {text!r}")
        return lambda day: _weekday(day) == weekday and (day.day - 1) // 7 + 1 == int(nth)
    if len(text) > 1 and text.endswith("L"):
        weekday = _one_weekday(text[:-1])
        return lambda day: _weekday(day) == weekday and day.day + 7 > _month_length(day)
    if text == "L":
        text = "7"
    weekdays = _numbers("weekday", text, 1, 7, _WEEKDAYS)
    return lambda day: _weekday(day) in weekdays


def _one_weekday(text: str) -> int:
    found = _numbers("weekday", text, 1, 7, _WEEKDAYS)
    if len(found) != 1:
        raise InvalidCron(f"weekday {text!r}")
    return next(iter(found))


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> date:
    """The working day nearest to the `wanted` day, never leaving the month."""
    target = day.replace(day=wanted)
    if target.isoweekday() == 6:
        return target - timedelta(days=1) if wanted > 1 else target + timedelta(days=2)
    if target.isoweekday() == 7:
        return (
            target + timedelta(days=1)
            if wanted < _month_length(day)
            else target - timedelta(days=2)
        )
    return target
